/* Values that no constant has, as settings and as arguments of the name functions. */

#include "sandbox.h"
#include "test.h"

#include <limits.h>

static const int32_t invalid[] = {INT32_MIN, -1, 2, 7, 255, 65536, INT32_MAX};

static void refused(const char *name, const flexpay_config *config)
{
    flexpay_error *error;
    CHECK_INT(FLEXPAY_ERROR_INVALID, flexpay_client_new(config, NULL, &error));
    CHECK_STR(name, error != NULL ? error->field : "no error");
    flexpay_error_free(error);
}

/* A kind that this library does not have, in each function with an `expected`: nothing is sent. */
static void kind(void)
{
    static const uint8_t body[] = "{\"code\":\"0\",\"reference\":\"R\",\"orderNumber\":\"1\"}";
    static const int32_t kinds[] = {INT32_MIN, -1, 3, 7, 255, 65536, INT32_MAX};
    flexpay_config config = sandbox_config("http", FLEXPAY_API_V1_1);
    flexpay_client *client;
    config.check_url = "http://127.0.0.1:1/check"; /* a check would fail with CONNECT */
    CHECK_INT(FLEXPAY_OK, flexpay_client_new(&config, &client, NULL));
    for (size_t at = 0; at < sizeof kinds / sizeof *kinds; at++)
        for (int call = 0; call < 3; call++) {
            flexpay_expected expected = FLEXPAY_EXPECTED_INIT;
            flexpay_wait_options options = FLEXPAY_WAIT_OPTIONS_INIT;
            flexpay_error *error;
            expected.reference = "R";
            expected.amount = "1";
            expected.currency = "USD";
            expected.order_number = "1";
            expected.kind = kinds[at];
            options.expected = &expected;
            CHECK_INT(FLEXPAY_ERROR_INVALID,
                      call == 0   ? flexpay_verify_order(client, &expected, NULL, &error)
                      : call == 1 ? flexpay_verify_callback(client, body, sizeof body - 1, &expected,
                                                            NULL, &error)
                                  : flexpay_wait(client, "1", &options, NULL, &error));
            CHECK_STR("kind", error != NULL ? error->field : "no error");
            CHECK_INT(FLEXPAY_OUTCOME_NOT_SENT, error != NULL ? error->outcome : -1);
            flexpay_error_free(error);
        }
    flexpay_client_free(client);
}

/* A filter of the journal. */
static void filter(void)
{
    static const int32_t filters[] = {INT32_MIN, -1, 4, 255, INT32_MAX};
    flexpay_client *client = sandbox_journal_client(sandbox_journal());
    for (size_t at = 0; at < sizeof filters / sizeof *filters; at++) {
        flexpay_journal_query query = FLEXPAY_JOURNAL_QUERY_INIT;
        flexpay_error *error;
        query.filter = filters[at];
        CHECK_INT(FLEXPAY_ERROR_INVALID, flexpay_journal_list(client, &query, NULL, &error));
        CHECK_STR("filter", error != NULL ? error->field : "no error");
        flexpay_error_free(error);
    }
    flexpay_client_free(client);
}

int main(void)
{
    for (size_t at = 0; at < sizeof invalid / sizeof *invalid; at++) {
        flexpay_config config = sandbox_config("http", FLEXPAY_API_V1_1);
        config.environment = invalid[at];
        refused("environment", &config);
        config = sandbox_config("http", FLEXPAY_API_V1_1);
        config.api = invalid[at];
        refused("api", &config);
    }
    kind();
    filter();
    for (int bit = 6; bit < 64; bit++) {
        flexpay_config config = sandbox_config("http", FLEXPAY_API_V1_1);
        config.flags = FLEXPAY_FLAG_CHECK_ONCE | (uint64_t)1 << bit;
        refused("flags", &config);
    }
    static const int32_t unassigned[] = {INT32_MIN, -1, 20, 255, INT32_MAX};
    for (size_t at = 0; at < sizeof unassigned / sizeof *unassigned; at++) {
        CHECK_STR("UNRECOGNIZED", flexpay_result_name(unassigned[at]));
        CHECK_STR("UNRECOGNIZED", flexpay_outcome_name(unassigned[at]));
        CHECK_STR("UNRECOGNIZED", flexpay_state_name(unassigned[at]));
        CHECK_STR("UNRECOGNIZED", flexpay_entry_state_name(unassigned[at]));
    }
    return test_end();
}
