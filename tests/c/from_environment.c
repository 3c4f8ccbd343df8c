/* Creates a client from the environment. An error names the variable that is wrong. */

#include "portable.h"
#include "sandbox.h"
#include "test.h"

#include <stdlib.h>

static void refused(const char *name, const char *value, const char *field)
{
    char saved[512] = "";
    const char *before = getenv(name);
    flexpay_client *client;
    flexpay_error *error;
    if (before != NULL)
        snprintf(saved, sizeof saved, "%s", before);
    if (value != NULL)
        setenv(name, value, 1);
    else
        unsetenv(name);
    CHECK_INT(FLEXPAY_ERROR_INVALID, flexpay_client_from_env(&client, &error));
    CHECK(client == NULL);
    CHECK_STR(field, error != NULL ? error->field : "no error");
    flexpay_error_free(error);
    if (before != NULL)
        setenv(name, saved, 1);
    else
        unsetenv(name);
}

/* The addresses of both services, and the two flags. */
static void mobile_money(void)
{
    flexpay_mobile_request mobile = sandbox_mobile_request();
    flexpay_payout_request payout;
    flexpay_client *client;
    flexpay_payment *payment;
    flexpay_error *error;
    CHECK_INT(FLEXPAY_OK, flexpay_client_from_env(&client, NULL));
    CHECK_INT(FLEXPAY_OK, flexpay_pay_mobile(client, &mobile, &payment, NULL));
    CHECK_STR(NULL, payment != NULL ? payment->trace : "no payment");
    flexpay_payment_free(payment);
    payout = sandbox_payout_request();
    CHECK_INT(FLEXPAY_ERROR_INVALID, flexpay_payout(client, &payout, NULL, &error));
    CHECK_STR("allow_payout", error != NULL ? error->field : "no error");
    flexpay_error_free(error);
    flexpay_client_free(client);

    setenv("FLEXPAY_ALLOW_PAYOUT", "1", 1);
    setenv("FLEXPAY_TRACE", "1", 1);
    CHECK_INT(FLEXPAY_OK, flexpay_client_from_env(&client, NULL));
    CHECK_INT(FLEXPAY_OK, flexpay_payout(client, &payout, &payment, NULL));
    CHECK(payment != NULL && payment->trace != NULL);
    flexpay_payment_free(payment);
    flexpay_client_free(client);
    unsetenv("FLEXPAY_ALLOW_PAYOUT");
    unsetenv("FLEXPAY_TRACE");
}

static void journal(void)
{
    const char *path = sandbox_journal();
    flexpay_payment_request request = sandbox_request();
    flexpay_client *client;
    flexpay_payment *payment;
    setenv("FLEXPAY_JOURNAL", path, 1);
    CHECK_INT(FLEXPAY_OK, flexpay_client_from_env(&client, NULL));
    unsetenv("FLEXPAY_JOURNAL");
    CHECK(access(path, F_OK) != 0);
    CHECK_INT(FLEXPAY_OK, flexpay_pay(client, &request, NULL, NULL));
    CHECK_INT(FLEXPAY_OK, flexpay_pay(client, &request, &payment, NULL));
    CHECK_INT(1, payment != NULL ? payment->is_recorded : -1);
    CHECK(access(path, F_OK) == 0);
    flexpay_payment_free(payment);
    flexpay_client_free(client);
}

int main(void)
{
    flexpay_client *client;
    flexpay_error *error;
    flexpay_payment_request request = sandbox_request();
    flexpay_payment *payment = NULL;
    CHECK_INT(FLEXPAY_OK, flexpay_client_from_env(&client, &error));
    CHECK(error == NULL);
    CHECK_INT(FLEXPAY_OK, flexpay_pay(client, &request, &payment, NULL));
    CHECK(payment != NULL && payment->order_number != NULL);
    if (payment != NULL)
        CHECK_INT(FLEXPAY_OK, flexpay_check(client, payment->order_number, NULL, NULL));
    flexpay_payment_free(payment);
    flexpay_client_free(client);

    refused("FLEXPAY_MERCHANT", NULL, "FLEXPAY_MERCHANT");
    refused("FLEXPAY_MERCHANT", "", "FLEXPAY_MERCHANT");
    refused("FLEXPAY_TOKEN", NULL, "FLEXPAY_TOKEN");
    refused("FLEXPAY_ENVIRONMENT", "production", "FLEXPAY_ENVIRONMENT");
    refused("FLEXPAY_API", "1.1", "FLEXPAY_API");
    refused("FLEXPAY_TIMEOUT_MS", "5s", "FLEXPAY_TIMEOUT_MS");
    refused("FLEXPAY_TIMEOUT_MS", "-1", "FLEXPAY_TIMEOUT_MS");
    refused("FLEXPAY_CONNECT_TIMEOUT_MS", "4294967296", "FLEXPAY_CONNECT_TIMEOUT_MS");
    refused("FLEXPAY_CHECK_ONCE", "true", "FLEXPAY_CHECK_ONCE");
    refused("FLEXPAY_SYSTEM_ROOTS", "yes", "FLEXPAY_SYSTEM_ROOTS");
    refused("FLEXPAY_PRIVATE_CONNECTIONS", "no", "FLEXPAY_PRIVATE_CONNECTIONS");
    refused("FLEXPAY_ALLOW_PLAIN_HTTP", "2", "FLEXPAY_ALLOW_PLAIN_HTTP");
    refused("FLEXPAY_ALLOW_PAYOUT", "yes", "FLEXPAY_ALLOW_PAYOUT");
    refused("FLEXPAY_TRACE", "on", "FLEXPAY_TRACE");
#ifdef _WIN32
    /* UTF-16 that has no UTF-8. */
    SetEnvironmentVariableW(L"FLEXPAY_APP_NAME", L"caf\xd800");
    CHECK_INT(FLEXPAY_ERROR_INVALID, flexpay_client_from_env(NULL, &error));
    CHECK_STR("FLEXPAY_APP_NAME", error != NULL ? error->field : "no error");
    flexpay_error_free(error);
    unsetenv("FLEXPAY_APP_NAME");
#else
    refused("FLEXPAY_APP_NAME", "caf\xe9", "FLEXPAY_APP_NAME");
#endif
    refused("FLEXPAY_PAY_URL", "http://gateway.example/pay", "pay_url");
    refused("FLEXPAY_MOBILE_URL", "http://gateway.example/mobile", "mobile_url");
    refused("FLEXPAY_PAYOUT_URL", "http://gateway.example/payout", "payout_url");
    mobile_money();
    journal();
    return test_end();
}
