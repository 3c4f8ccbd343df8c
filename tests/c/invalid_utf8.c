/* Latin-1 instead of UTF-8, in every input string: the error names the field, and nothing is sent. */

#include "sandbox.h"
#include "test.h"

#define LATIN1 "caf\xe9"

static void expect_refused(const char *name, flexpay_result result, flexpay_error *error)
{
    CHECK_INT(FLEXPAY_ERROR_INVALID, result);
    CHECK_STR(name, error != NULL ? error->field : "no error");
    CHECK_INT(FLEXPAY_OUTCOME_NOT_SENT, error != NULL ? error->outcome : -1);
    flexpay_error_free(error);
}

static void in_config(void)
{
    static const struct {
        const char *name;
        size_t at;
    } strings[] = {
        {"merchant", offsetof(flexpay_config, merchant)},
        {"token", offsetof(flexpay_config, token)},
        {"pay_url", offsetof(flexpay_config, pay_url)},
        {"check_url", offsetof(flexpay_config, check_url)},
        {"ca_file", offsetof(flexpay_config, ca_file)},
        {"proxy", offsetof(flexpay_config, proxy)},
        {"app_name", offsetof(flexpay_config, app_name)},
        {"callback_secret", offsetof(flexpay_config, callback_secret)},
        {"callback_secret_previous", offsetof(flexpay_config, callback_secret_previous)},
        {"mobile_url", offsetof(flexpay_config, mobile_url)},
        {"payout_url", offsetof(flexpay_config, payout_url)},
        {"journal", offsetof(flexpay_config, journal)},
    };
    for (size_t at = 0; at < sizeof strings / sizeof *strings; at++) {
        flexpay_config config = sandbox_config("http", FLEXPAY_API_V1_1);
        flexpay_error *error;
        *(const char **)((char *)&config + strings[at].at) = LATIN1;
        flexpay_result result = flexpay_client_new(&config, NULL, &error);
        expect_refused(strings[at].name, result, error);
    }
}

static void in_request(flexpay_client *client)
{
    static const struct {
        const char *name;
        size_t at;
    } strings[] = {
        {"reference", offsetof(flexpay_payment_request, reference)},
        {"amount", offsetof(flexpay_payment_request, amount)},
        {"currency", offsetof(flexpay_payment_request, currency)},
        {"description", offsetof(flexpay_payment_request, description)},
        {"callback_url", offsetof(flexpay_payment_request, callback_url)},
        {"approve_url", offsetof(flexpay_payment_request, approve_url)},
        {"cancel_url", offsetof(flexpay_payment_request, cancel_url)},
        {"decline_url", offsetof(flexpay_payment_request, decline_url)},
        {"home_url", offsetof(flexpay_payment_request, home_url)},
        {"correlation_id", offsetof(flexpay_payment_request, correlation_id)},
    };
    for (size_t at = 0; at < sizeof strings / sizeof *strings; at++) {
        flexpay_payment_request request = sandbox_request();
        flexpay_error *error;
        *(const char **)((char *)&request + strings[at].at) = LATIN1;
        flexpay_result result = flexpay_pay(client, &request, NULL, &error);
        expect_refused(strings[at].name, result, error);
        if (strcmp(strings[at].name, "reference") != 0)
            CHECK_INT(0, sandbox_requests_with(request.reference));
    }
}

static void in_mobile_request(flexpay_client *client)
{
    static const struct {
        const char *name;
        size_t at;
    } strings[] = {
        {"reference", offsetof(flexpay_mobile_request, reference)},
        {"amount", offsetof(flexpay_mobile_request, amount)},
        {"currency", offsetof(flexpay_mobile_request, currency)},
        {"phone", offsetof(flexpay_mobile_request, phone)},
        {"callback_url", offsetof(flexpay_mobile_request, callback_url)},
        {"description", offsetof(flexpay_mobile_request, description)},
        {"approve_url", offsetof(flexpay_mobile_request, approve_url)},
        {"cancel_url", offsetof(flexpay_mobile_request, cancel_url)},
        {"decline_url", offsetof(flexpay_mobile_request, decline_url)},
        {"return_url", offsetof(flexpay_mobile_request, return_url)},
        {"correlation_id", offsetof(flexpay_mobile_request, correlation_id)},
    };
    for (size_t at = 0; at < sizeof strings / sizeof *strings; at++) {
        flexpay_mobile_request request = sandbox_mobile_request();
        flexpay_error *error;
        *(const char **)((char *)&request + strings[at].at) = LATIN1;
        flexpay_result result = flexpay_pay_mobile(client, &request, NULL, &error);
        expect_refused(strings[at].name, result, error);
        if (strcmp(strings[at].name, "reference") != 0)
            CHECK_INT(0, sandbox_requests_with(request.reference));
    }
}

static void in_payout_request(flexpay_client *client)
{
    static const struct {
        const char *name;
        size_t at;
    } strings[] = {
        {"reference", offsetof(flexpay_payout_request, reference)},
        {"amount", offsetof(flexpay_payout_request, amount)},
        {"currency", offsetof(flexpay_payout_request, currency)},
        {"phone", offsetof(flexpay_payout_request, phone)},
        {"callback_url", offsetof(flexpay_payout_request, callback_url)},
        {"correlation_id", offsetof(flexpay_payout_request, correlation_id)},
    };
    for (size_t at = 0; at < sizeof strings / sizeof *strings; at++) {
        flexpay_payout_request request = sandbox_payout_request();
        flexpay_error *error;
        *(const char **)((char *)&request + strings[at].at) = LATIN1;
        flexpay_result result = flexpay_payout(client, &request, NULL, &error);
        expect_refused(strings[at].name, result, error);
        if (strcmp(strings[at].name, "reference") != 0)
            CHECK_INT(0, sandbox_requests_with(request.reference));
    }
}

static void in_other_arguments(flexpay_client *client)
{
    static const uint8_t body[] = "{\"code\":\"0\",\"reference\":\"R\",\"orderNumber\":\"1\"}";
    static const uint8_t latin1[] = "{\"code\":\"0\",\"reference\":\"" LATIN1 "\"}";
    flexpay_error *error;
    flexpay_result result = flexpay_check(client, LATIN1, NULL, &error);
    expect_refused("order_number", result, error);
    result = flexpay_wait(client, LATIN1, NULL, NULL, &error);
    expect_refused("order_number", result, error);
    flexpay_wait_options options = FLEXPAY_WAIT_OPTIONS_INIT;
    options.correlation_id = LATIN1;
    result = flexpay_wait(client, "1", &options, NULL, &error);
    expect_refused("correlation_id", result, error);
    char normalized[FLEXPAY_PHONE_SIZE];
    result = flexpay_normalize_phone("0812345678" LATIN1, normalized, sizeof normalized, &error);
    expect_refused("phone", result, error);

    static const char *const names[] = {"reference", "amount", "currency", "order_number",
                                        "query", "correlation_id"};
    for (size_t at = 0; at < sizeof names / sizeof *names; at++) {
        flexpay_expected expected = FLEXPAY_EXPECTED_INIT;
        expected.reference = at == 0 ? LATIN1 : "R";
        expected.amount = at == 1 ? LATIN1 : "1";
        expected.currency = at == 2 ? LATIN1 : "USD";
        expected.order_number = at == 3 ? LATIN1 : NULL;
        expected.query = at == 4 ? LATIN1 : NULL;
        expected.correlation_id = at == 5 ? LATIN1 : NULL;
        result = flexpay_verify_callback(client, body, sizeof body - 1, &expected, NULL, &error);
        expect_refused(names[at], result, error);
    }
    /* Latin-1 in a callback is accepted: the caller did not write it, and old servers send it. */
    flexpay_callback *callback;
    CHECK_INT(FLEXPAY_OK, flexpay_parse_callback(latin1, sizeof latin1 - 1, &callback, NULL));
    CHECK_STR("caf\xc3\xa9", callback != NULL ? callback->reference : NULL);
    flexpay_callback_free(callback);
}

static void in_journal(flexpay_client *client)
{
    static const uint8_t body[] = "{\"code\":\"0\",\"reference\":\"R\",\"orderNumber\":\"1\"}";
    flexpay_journal_query query = FLEXPAY_JOURNAL_QUERY_INIT;
    flexpay_error *error;
    flexpay_result result = flexpay_settle(client, LATIN1, NULL, NULL, &error);
    expect_refused("reference", result, error);
    result = flexpay_settle_callback(client, body, sizeof body - 1, LATIN1, NULL, &error);
    expect_refused("query", result, error);
    result = flexpay_journal_get(client, LATIN1, NULL, &error);
    expect_refused("reference", result, error);
    result = flexpay_journal_acknowledge(client, LATIN1, NULL, &error);
    expect_refused("reference", result, error);
    query.after = LATIN1;
    result = flexpay_journal_list(client, &query, NULL, &error);
    expect_refused("after", result, error);
    result = flexpay_journal_step(LATIN1, NULL, &error);
    expect_refused("request", result, error);
    static const char *const names[] = {"reference", "order_number", "who", "why"};
    for (size_t at = 0; at < sizeof names / sizeof *names; at++) {
        flexpay_resolution resolution = FLEXPAY_RESOLUTION_INIT;
        resolution.reference = at == 0 ? LATIN1 : "R";
        resolution.order_number = at == 1 ? LATIN1 : "1";
        resolution.who = at == 2 ? LATIN1 : "Awa";
        resolution.why = at == 3 ? LATIN1 : "seen in the console";
        result = flexpay_journal_resolve(client, &resolution, NULL, &error);
        expect_refused(names[at], result, error);
    }
}

int main(void)
{
    flexpay_config config = sandbox_config("http", FLEXPAY_API_V1_1);
    flexpay_client *client;
    config.flags = FLEXPAY_FLAG_ALLOW_PAYOUT;
    CHECK_INT(FLEXPAY_OK, flexpay_client_new(&config, &client, NULL));
    in_config();
    in_request(client);
    in_mobile_request(client);
    in_payout_request(client);
    in_other_arguments(client);
    flexpay_client_free(client);
    client = sandbox_journal_client(sandbox_journal());
    in_journal(client);
    flexpay_client_free(client);
    return test_end();
}
