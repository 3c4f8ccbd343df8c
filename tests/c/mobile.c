/* Payments by mobile money: requested, confirmed on the phone or not, waited for, and reported by a
 * callback. */

#include "sandbox.h"
#include "test.h"

#include <stdlib.h>

/* Sends the request and returns the order number; free it with free(). */
static char *order_of(flexpay_client *client, const flexpay_mobile_request *request)
{
    flexpay_payment *payment;
    char *order_number = NULL;
    CHECK_INT(FLEXPAY_OK, flexpay_pay_mobile(client, request, &payment, NULL));
    if (payment == NULL || (order_number = malloc(strlen(payment->order_number) + 1)) == NULL)
        abort();
    strcpy(order_number, payment->order_number);
    flexpay_payment_free(payment);
    return order_number;
}

static flexpay_expected expected_of(const flexpay_mobile_request *request, const char *order)
{
    flexpay_expected expected = FLEXPAY_EXPECTED_INIT;
    expected.reference = request->reference;
    expected.amount = request->amount;
    expected.currency = request->currency;
    expected.order_number = order;
    expected.kind = FLEXPAY_KIND_MOBILE;
    return expected;
}

static void accepted(const char *scheme)
{
    flexpay_client *client = sandbox_client(scheme, FLEXPAY_API_V1);
    flexpay_mobile_request request = sandbox_mobile_request();
    flexpay_payment *payment;
    flexpay_error *error;
    CHECK_INT(FLEXPAY_OK, flexpay_pay_mobile(client, &request, &payment, &error));
    CHECK_STR(NULL, error != NULL ? error->message : NULL);
    CHECK(payment != NULL);
    if (payment != NULL) {
        CHECK(payment->order_number != NULL && *payment->order_number != '\0');
        CHECK_STR("0", payment->code);
        CHECK_STR("Transaction envoy\xc3\xa9"
                  "e avec succ\xc3\xa8s. Veuillez valider le push message",
                  payment->message);
        CHECK_STR(NULL, payment->redirect_url);
        CHECK_STR(NULL, payment->page);
        CHECK_STR(NULL, payment->trace);
    }
    CHECK_INT(1, sandbox_requests_with(request.reference));
    flexpay_payment_free(payment);
    flexpay_error_free(error);
    flexpay_client_free(client);
}

/* The gateway receives the values of the request. Only the phone number and the zeros at the end of the
 * amount are changed. */
static void values_arrive(flexpay_client *client)
{
    static const char *const expected[] = {
        "\"kind\":\"mobile\"",
        "\"phone\":\"243812345678\"",
        "\"amount\":\"25.5\"",
        "\"currency\":\"USD\"",
        "\"description\":\"Caf\xc3\xa9 & <pain> \xe2\x82\xac \\\"1\\\"\"",
        "\"callback_url\":\"https://shop.example/callback\"",
        "\"approve_url\":\"https://shop.example/ok\"",
        "\"cancel_url\":\"https://shop.example/cancel\"",
        "\"decline_url\":\"zando://non\"",
        "\"return_url\":\"https://shop.example/back\"",
    };
    flexpay_mobile_request request = sandbox_mobile_request();
    request.phone = "+243 (81) 234-56.78";
    request.description = "Caf\xc3\xa9 & <pain> \xe2\x82\xac \"1\"";
    request.decline_url = "zando://non";
    char *order = order_of(client, &request), *recorded = sandbox_recorded(order);
    for (size_t at = 0; at < sizeof expected / sizeof *expected; at++)
        if (strstr(recorded, expected[at]) == NULL) {
            CHECK(!"the value arrives");
            printf("  %s\n  %s\n", expected[at], recorded);
        }
    free(recorded);
    free(order);

    /* Without the optional values. */
    flexpay_mobile_request least = FLEXPAY_MOBILE_REQUEST_INIT;
    least.reference = sandbox_reference();
    least.amount = "575.00";
    least.currency = "CDF";
    least.phone = "0992345678";
    least.callback_url = "https://shop.example/callback";
    order = order_of(client, &least);
    recorded = sandbox_recorded(order);
    CHECK(strstr(recorded, "\"amount\":\"575\"") != NULL);
    CHECK(strstr(recorded, "\"channel\":\"airtel\"") != NULL);
    CHECK(strstr(recorded, "\"return_url\":\"\"") != NULL);
    free(recorded);
    free(order);
}

/* The phone decides, then the till waits: short intervals, and the defaults of a mobile payment for the
 * rest. */
static void wait_ends_with(flexpay_client *client, const char *decision, int32_t state)
{
    flexpay_mobile_request request = sandbox_mobile_request();
    char *order = order_of(client, &request);
    flexpay_expected expected = expected_of(&request, order);
    flexpay_wait_options options = FLEXPAY_WAIT_OPTIONS_INIT;
    flexpay_transaction *transaction;
    flexpay_error *error;
    options.interval_ms = 20;
    options.max_interval_ms = 50;
    options.failed_grace_ms = 300;
    options.expected = &expected;
    sandbox_decide(order, decision);
    CHECK_INT(FLEXPAY_OK, flexpay_wait(client, order, &options, &transaction, &error));
    CHECK_STR(NULL, error != NULL ? error->message : NULL);
    if (transaction != NULL) {
        CHECK_INT(state, transaction->state);
        CHECK_STR(request.reference, transaction->reference);
        CHECK_STR("25.50", transaction->amount);
        CHECK_STR("mpesa", transaction->channel);
    }
    flexpay_transaction_free(transaction);
    flexpay_error_free(error);
    free(order);
}

/* The customer has not confirmed yet. */
static void wait_times_out(flexpay_client *client)
{
    flexpay_mobile_request request = sandbox_mobile_request();
    char *order = order_of(client, &request);
    flexpay_expected expected = expected_of(&request, order);
    flexpay_wait_options options = FLEXPAY_WAIT_OPTIONS_INIT;
    flexpay_error *error;
    options.timeout_ms = 1000;
    options.interval_ms = 20;
    options.expected = &expected;
    CHECK_INT(FLEXPAY_ERROR_TIMEOUT, flexpay_wait(client, order, &options, NULL, &error));
    CHECK_INT(FLEXPAY_OUTCOME_UNKNOWN, error != NULL ? error->outcome : -1);
    CHECK(error != NULL && strstr(error->message, "PENDING") != NULL);
    flexpay_error_free(error);
    free(order);
}

/* The gateway does not find the order at first, then reports FAILED while the customer still types the
 * PIN. */
static void failed_too_early(flexpay_client *client)
{
    flexpay_mobile_request request = sandbox_mobile_request();
    flexpay_wait_options options = FLEXPAY_WAIT_OPTIONS_INIT;
    flexpay_transaction *transaction;
    sandbox_quirks("{\"not_found_checks\":2,\"early_failure_checks\":2}");
    char *order = order_of(client, &request);
    flexpay_expected expected = expected_of(&request, order);
    options.interval_ms = 20;
    options.max_interval_ms = 50;
    options.timeout_ms = 1500;
    options.expected = &expected;
    CHECK_INT(FLEXPAY_ERROR_TIMEOUT, flexpay_wait(client, order, &options, NULL, NULL));
    sandbox_decide(order, "approve");
    options.timeout_ms = 60000;
    CHECK_INT(FLEXPAY_OK, flexpay_wait(client, order, &options, &transaction, NULL));
    CHECK_INT(FLEXPAY_STATE_PAID, transaction != NULL ? transaction->state : -1);
    sandbox_quirks("{\"not_found_checks\":0,\"early_failure_checks\":0}");
    flexpay_transaction_free(transaction);
    free(order);
}

/* A phone that confirms, refuses or does not react at once. */
static void test_phones(flexpay_client *client)
{
    static const struct {
        const char *phone;
        int32_t state;
    } phones[] = {
        {"0810000001", FLEXPAY_STATE_PAID},
        {"0890000005", FLEXPAY_STATE_FAILED},
        {"0990000006", FLEXPAY_STATE_FAILED},
    };
    for (size_t at = 0; at < sizeof phones / sizeof *phones; at++) {
        flexpay_mobile_request request = sandbox_mobile_request();
        flexpay_transaction *transaction;
        request.phone = phones[at].phone;
        char *order = order_of(client, &request);
        flexpay_expected expected = expected_of(&request, order);
        CHECK_INT(FLEXPAY_OK, flexpay_verify_order(client, &expected, &transaction, NULL));
        CHECK_INT(phones[at].state, transaction != NULL ? transaction->state : -1);
        flexpay_transaction_free(transaction);
        free(order);
    }
}

/* Expects the call to end with MISMATCH (or another result) because of this field. */
static void differs(flexpay_result expected, flexpay_result result, const char *field,
                    flexpay_error *error)
{
    CHECK_INT(expected, result);
    CHECK_STR(field, error != NULL ? error->field : "no error");
    flexpay_error_free(error);
}

/* A payment by card is no payment by mobile money, and no payout. */
static void paid_by_card(flexpay_client *client)
{
    static const int32_t kinds[] = {FLEXPAY_KIND_MOBILE, FLEXPAY_KIND_PAYOUT};
    char reference[32];
    char *order = sandbox_order(reference);
    flexpay_mobile_request request = FLEXPAY_MOBILE_REQUEST_INIT;
    flexpay_error *error;
    request.reference = reference;
    request.amount = "25.50";
    request.currency = "USD";
    sandbox_decide(order, "approve");
    for (size_t at = 0; at < 2; at++) {
        flexpay_expected expected = expected_of(&request, order);
        flexpay_wait_options options = FLEXPAY_WAIT_OPTIONS_INIT;
        options.expected = &expected;
        options.timeout_ms = 20000;
        expected.kind = kinds[at];
        flexpay_result result = flexpay_verify_order(client, &expected, NULL, &error);
        CHECK_INT(FLEXPAY_OUTCOME_REFUSED, error != NULL ? error->outcome : -1);
        differs(FLEXPAY_ERROR_MISMATCH, result, "kind", error);
        result = flexpay_wait(client, order, &options, NULL, &error);
        CHECK_INT(FLEXPAY_OUTCOME_UNKNOWN, error != NULL ? error->outcome : -1);
        differs(FLEXPAY_ERROR_MISMATCH, result, "kind", error);
    }
    free(order);
}

/* A signed callback address is valid for the kind of its payment only. */
static void signed_address(void)
{
    static const int32_t other_kinds[] = {FLEXPAY_KIND_CARD, FLEXPAY_KIND_PAYOUT};
    flexpay_config config = sandbox_config("http", FLEXPAY_API_V1_1);
    flexpay_mobile_request request = sandbox_mobile_request();
    flexpay_client *client;
    flexpay_transaction *transaction;
    flexpay_error *error;
    char query[256] = "", body[256];
    config.callback_secret = "a secret of the shop, made for this test";
    CHECK_INT(FLEXPAY_OK, flexpay_client_new(&config, &client, NULL));
    request.callback_url = "https://shop.example/callback?till=3";
    char *order = order_of(client, &request), *recorded = sandbox_recorded(order);
    static const char address[] = "\"callback_url\":\"https://shop.example/callback?";
    const char *found = strstr(recorded, address);
    CHECK(found != NULL);
    if (found != NULL)
        CHECK_INT(1, sscanf(found + strlen(address), "%255[^\"]", query));
    CHECK(strncmp(query, "till=3&flexpay=1.", strlen("till=3&flexpay=1.")) == 0);
    snprintf(body, sizeof body, "{\"code\":\"0\",\"reference\":\"%s\",\"orderNumber\":\"%s\"}",
             request.reference, order);

    flexpay_expected expected = expected_of(&request, NULL);
    expected.query = query;
#define VERIFY(transaction)                                                                        \
    flexpay_verify_callback(client, (const uint8_t *)body, strlen(body), &expected, transaction, &error)
    sandbox_decide(order, "approve");
    CHECK_INT(FLEXPAY_OK, VERIFY(&transaction));
    CHECK_INT(FLEXPAY_STATE_PAID, transaction != NULL ? transaction->state : -1);
    flexpay_transaction_free(transaction);
    flexpay_error_free(error);

    flexpay_result result;
    for (size_t at = 0; at < 2; at++) {
        expected.kind = other_kinds[at];
        result = VERIFY(NULL);
        CHECK_INT(FLEXPAY_OUTCOME_NOT_SENT, error != NULL ? error->outcome : -1);
        differs(FLEXPAY_ERROR_MISMATCH, result, "query", error);
    }
    expected.kind = FLEXPAY_KIND_MOBILE;
    expected.amount = "25.49";
    result = VERIFY(NULL);
    differs(FLEXPAY_ERROR_MISMATCH, result, "query", error);
    expected.amount = request.amount;
    expected.query = NULL;
    result = VERIFY(NULL);
    differs(FLEXPAY_ERROR_INVALID, result, "query", error);
#undef VERIFY
    free(recorded);
    free(order);
    flexpay_client_free(client);
}

/* Replies that leave it open whether there is a payment: nothing may be sent again. */
static void unknown(void)
{
    static const struct {
        const char *action;
        flexpay_result result;
        const char *field, *order_number;
    } faults[] = {
        {"{\"kind\":\"reset_after_reading\"}", FLEXPAY_ERROR_CONNECTION, NULL, NULL},
        {"{\"kind\":\"close_after_reading\"}", FLEXPAY_ERROR_CONNECTION, NULL, NULL},
        {"{\"kind\":\"html\",\"status\":500,\"record\":true}", FLEXPAY_ERROR_GATEWAY, NULL, NULL},
        {"{\"kind\":\"malformed_json\"}", FLEXPAY_ERROR_REPLY, NULL, NULL},
        {"{\"kind\":\"stall_after\",\"bytes\":0}", FLEXPAY_ERROR_TIMEOUT, NULL, NULL},
        /* Accepted, but without an order number there is nothing to wait for. */
        {"{\"kind\":\"reply\",\"status\":200,\"body\":\"{\\\"code\\\":\\\"0\\\"}\"}", FLEXPAY_ERROR_REPLY,
         "order_number", NULL},
        /* A refusal that names an order. */
        {"{\"kind\":\"reply\",\"status\":400,"
         "\"body\":\"{\\\"code\\\":\\\"1\\\",\\\"orderNumber\\\":\\\"O1\\\"}\"}",
         FLEXPAY_ERROR_REPLY, NULL, "O1"},
    };
    flexpay_config config = sandbox_config("http", FLEXPAY_API_V1_1);
    flexpay_client *client;
    config.timeout_ms = 1500;
    CHECK_INT(FLEXPAY_OK, flexpay_client_new(&config, &client, NULL));
    for (size_t at = 0; at < sizeof faults / sizeof *faults; at++) {
        flexpay_mobile_request request = sandbox_mobile_request();
        flexpay_error *error;
        char fault[256];
        snprintf(fault, sizeof fault, "{\"on\":\"mobile\",\"action\":%s}", faults[at].action);
        sandbox_fault(fault);
        CHECK_INT(faults[at].result, flexpay_pay_mobile(client, &request, NULL, &error));
        CHECK(error != NULL);
        if (error != NULL) {
            CHECK_INT(FLEXPAY_OUTCOME_UNKNOWN, error->outcome);
            CHECK_STR(faults[at].field, error->field);
            CHECK_STR(faults[at].order_number, error->order_number);
        }
        CHECK_INT(1, sandbox_requests_with(request.reference));
        flexpay_error_free(error);
    }
    sandbox_clear_faults();
    flexpay_client_free(client);
}

int main(void)
{
    flexpay_client *client = sandbox_client("http", FLEXPAY_API_V1_1);
    sandbox_clear_faults();
    accepted("http");
    accepted("https");
    values_arrive(client);
    wait_ends_with(client, "approve", FLEXPAY_STATE_PAID);
    wait_ends_with(client, "decline", FLEXPAY_STATE_FAILED);
    wait_ends_with(client, "expire", FLEXPAY_STATE_FAILED);
    wait_times_out(client);
    failed_too_early(client);
    test_phones(client);
    paid_by_card(client);
    signed_address();
    unknown();
    flexpay_client_free(client);
    return test_end();
}
