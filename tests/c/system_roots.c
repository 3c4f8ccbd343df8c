/* The system's certificates are trusted only if FLEXPAY_FLAG_SYSTEM_ROOTS is set. */

#include "portable.h"
#include "sandbox.h"
#include "test.h"

#include <stdlib.h>

/* The result of a check over TLS, with no ca_file set. */
static flexpay_result check(uint64_t flags, const char *order_number)
{
    flexpay_config config = sandbox_config("https", FLEXPAY_API_V1_1);
    flexpay_client *client;
    flexpay_result result;
    config.ca_file = NULL;
    config.flags = FLEXPAY_FLAG_CHECK_ONCE | flags;
    CHECK_INT(FLEXPAY_OK, flexpay_client_new(&config, &client, NULL));
    result = flexpay_check(client, order_number, NULL, NULL);
    flexpay_client_free(client);
    return result;
}

static void refused(flexpay_config config)
{
    flexpay_client *client;
    flexpay_error *error;
    config.flags = FLEXPAY_FLAG_SYSTEM_ROOTS;
    CHECK_INT(FLEXPAY_ERROR_INVALID, flexpay_client_new(&config, &client, &error));
    CHECK(client == NULL);
    CHECK_STR("system_roots", error != NULL ? error->field : "no error");
    flexpay_error_free(error);
}

int main(void)
{
    flexpay_config config = sandbox_config("https", FLEXPAY_API_V1_1);
    const char *sandbox_ca = config.ca_file;
    char *order_number = sandbox_order(NULL);

    /* The system trusts the sandbox. */
    setenv("SSL_CERT_FILE", sandbox_ca, 1);
    unsetenv("SSL_CERT_DIR");
    CHECK_INT(FLEXPAY_OK, check(FLEXPAY_FLAG_SYSTEM_ROOTS, order_number));
    CHECK_INT(FLEXPAY_ERROR_TLS, check(0, order_number));

    /* ca_file and the flag exclude each other. */
    refused(config);

    /* Missing system certificates are reported when the client is created, not at the first payment. */
    setenv("SSL_CERT_FILE", "/nonexistent.pem", 1);
    config.ca_file = NULL;
    refused(config);
    setenv("SSL_CERT_FILE", EMPTY_FILE, 1);
    refused(config);

    free(order_number);
    return test_end();
}
