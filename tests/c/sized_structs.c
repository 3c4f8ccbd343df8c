/* Structs of older and of newer programs, and of programs that forgot the _INIT macro. */

#include "sandbox.h"
#include "test.h"

#include <stdlib.h>

static flexpay_result client_from(const void *config, const char **field)
{
    static char kept[64];
    flexpay_client *client;
    flexpay_error *error;
    flexpay_result result = flexpay_client_new(config, &client, &error);
    kept[0] = '\0';
    if (error != NULL && error->field != NULL)
        snprintf(kept, sizeof kept, "%s", error->field);
    *field = kept;
    CHECK((client != NULL) == (result == FLEXPAY_OK));
    flexpay_client_free(client);
    flexpay_error_free(error);
    return result;
}

/* A config in memory of exactly `size` bytes, so that a tool sees a read beyond. */
static flexpay_config *cut_to(size_t size)
{
    flexpay_config whole = sandbox_config("http", FLEXPAY_API_V1_1);
    flexpay_config *cut = calloc(1, size);
    if (cut == NULL)
        abort();
    whole.size = size;
    memcpy(cut, &whole, size < sizeof whole ? size : sizeof whole);
    return cut;
}

static void older_program(void)
{
    const char *field;
    /* It knew nothing after the addresses of the gateway. */
    flexpay_config *config = cut_to(offsetof(flexpay_config, timeout_ms));
    CHECK_INT(FLEXPAY_OK, client_from(config, &field));
    free(config);
    /* It knew the merchant alone: then the token is what it lacks, read as absent. */
    config = cut_to(offsetof(flexpay_config, token));
    CHECK_INT(FLEXPAY_ERROR_INVALID, client_from(config, &field));
    CHECK_STR("token", field);
    free(config);
    config = cut_to(sizeof(size_t));
    CHECK_INT(FLEXPAY_ERROR_INVALID, client_from(config, &field));
    free(config);
}

static void newer_program(void)
{
    const char *field;
    flexpay_config *config = cut_to(2 * sizeof *config);
    /* It sets nothing that this library does not know. */
    CHECK_INT(FLEXPAY_OK, client_from(config, &field));
    /* It does, in the first byte, in the last. */
    ((unsigned char *)config)[sizeof *config] = 1;
    CHECK_INT(FLEXPAY_ERROR_INVALID, client_from(config, &field));
    CHECK_STR("config", field);
    ((unsigned char *)config)[sizeof *config] = 0;
    ((unsigned char *)config)[2 * sizeof *config - 1] = 0x80;
    CHECK_INT(FLEXPAY_ERROR_INVALID, client_from(config, &field));
    free(config);
}

static void nobody_set_the_size(void)
{
    static const size_t sizes[] = {0, 1, 7, 12, 4097, 1u << 20, (size_t)-1, (size_t)-8};
    const char *field;
    for (size_t at = 0; at < sizeof sizes / sizeof *sizes; at++) {
        flexpay_config config = sandbox_config("http", FLEXPAY_API_V1_1);
        config.size = sizes[at];
        CHECK_INT(FLEXPAY_ERROR_INVALID, client_from(&config, &field));
        CHECK_STR("config", field);
    }
}

/* A struct that somebody zeroed is refused, not taken as "all defaults". */
static void zeroed(flexpay_client *client)
{
    flexpay_config config;
    flexpay_payment_request request;
    flexpay_wait_options options;
    flexpay_expected expected;
    static const uint8_t body[] = "{\"code\":\"0\",\"reference\":\"R\",\"orderNumber\":\"1\"}";
    memset(&config, 0, sizeof config);
    memset(&request, 0, sizeof request);
    memset(&options, 0, sizeof options);
    memset(&expected, 0, sizeof expected);
    CHECK_INT(FLEXPAY_ERROR_INVALID, flexpay_client_new(&config, NULL, NULL));
    CHECK_INT(FLEXPAY_ERROR_INVALID, flexpay_pay(client, &request, NULL, NULL));
    CHECK_INT(FLEXPAY_ERROR_INVALID, flexpay_wait(client, "1", &options, NULL, NULL));
    CHECK_INT(FLEXPAY_ERROR_INVALID,
              flexpay_verify_callback(client, body, sizeof body - 1, &expected, NULL, NULL));
    CHECK_INT(FLEXPAY_ERROR_INVALID, flexpay_verify_order(client, &expected, NULL, NULL));
    options.size = sizeof options;
    options.expected = &expected;
    CHECK_INT(FLEXPAY_ERROR_INVALID, flexpay_wait(client, "1", &options, NULL, NULL));
}

/* Wait options of a program from before `expected`, which this library must not look for. */
static void older_wait_options(flexpay_client *client)
{
    size_t size = offsetof(flexpay_wait_options, expected);
    flexpay_wait_options whole = FLEXPAY_WAIT_OPTIONS_INIT, *cut = malloc(size);
    char *order = sandbox_order(NULL);
    if (cut == NULL)
        abort();
    sandbox_decide(order, "approve");
    whole.size = size;
    whole.timeout_ms = 20000;
    memcpy(cut, &whole, size);
    CHECK_INT(FLEXPAY_OK, flexpay_wait(client, order, cut, NULL, NULL));
    free(cut);
    free(order);
}

/* The other three go the same way. */
static void every_struct(flexpay_client *client)
{
    struct {
        flexpay_payment_request known;
        const char *unknown;
    } request = {sandbox_request(), NULL};
    struct {
        flexpay_wait_options known;
        uint64_t unknown;
    } options = {FLEXPAY_WAIT_OPTIONS_INIT, 0};
    struct {
        flexpay_expected known;
        uint64_t unknown;
    } expected = {FLEXPAY_EXPECTED_INIT, 0};
    static const uint8_t body[] = "{\"code\":\"0\",\"reference\":\"R\",\"orderNumber\":\"none\"}";
    char *order = sandbox_order(NULL);
    sandbox_decide(order, "approve");

    request.known.size = sizeof request;
    options.known.size = sizeof options;
    options.known.timeout_ms = 20000;
    expected.known.size = sizeof expected;
    expected.known.reference = "R";
    expected.known.amount = "1";
    expected.known.currency = "USD";
    request.known.reference = sandbox_reference();
    CHECK_INT(FLEXPAY_OK, flexpay_pay(client, &request.known, NULL, NULL));
    CHECK_INT(FLEXPAY_OK, flexpay_wait(client, order, &options.known, NULL, NULL));
    CHECK_INT(FLEXPAY_ERROR_NOT_FOUND,
              flexpay_verify_callback(client, body, sizeof body - 1, &expected.known, NULL, NULL));

    request.known.reference = sandbox_reference();
    request.unknown = "something new";
    options.unknown = 1;
    expected.unknown = 1;
    CHECK_INT(FLEXPAY_ERROR_INVALID, flexpay_pay(client, &request.known, NULL, NULL));
    CHECK_INT(FLEXPAY_ERROR_INVALID, flexpay_wait(client, order, &options.known, NULL, NULL));
    CHECK_INT(FLEXPAY_ERROR_INVALID,
              flexpay_verify_callback(client, body, sizeof body - 1, &expected.known, NULL, NULL));
    /* Refused means not sent. */
    CHECK_INT(0, sandbox_requests_with(request.known.reference));
    free(order);
}

int main(void)
{
    flexpay_client *client = sandbox_client("http", FLEXPAY_API_V1_1);
    older_program();
    newer_program();
    nobody_set_the_size();
    zeroed(client);
    older_wait_options(client);
    every_struct(client);
    flexpay_client_free(client);
    return test_end();
}
