/* NULL for every parameter of every function: refused if the parameter is required, never a crash. */

#include "sandbox.h"
#include "test.h"

#include <stdlib.h>

#define REFUSED(field_name, call)                                                                  \
    do {                                                                                           \
        flexpay_error *error = (flexpay_error *)&test_passed; /* must be overwritten */            \
        CHECK_INT(FLEXPAY_ERROR_INVALID, call);                                                    \
        CHECK(error != NULL);                                                                      \
        if (error != NULL) {                                                                       \
            CHECK_STR(field_name, error->field);                                                   \
            CHECK_INT(FLEXPAY_OUTCOME_NOT_SENT, error->outcome);                                   \
            CHECK(error->message != NULL && *error->message != '\0');                              \
            CHECK_INT(0, error->http_status);                                                      \
        }                                                                                          \
        flexpay_error_free(error);                                                                 \
    } while (0)

/* Not NULL, and must not be read. A failing function must overwrite it. */
#define GARBAGE ((void *)&test_failed)

static void inputs(flexpay_client *client)
{
    static const uint8_t body[] = "{\"code\":\"0\",\"reference\":\"R\"}";
    flexpay_payment_request request = sandbox_request();
    flexpay_mobile_request mobile = sandbox_mobile_request();
    flexpay_payout_request payout = sandbox_payout_request();
    flexpay_expected expected = FLEXPAY_EXPECTED_INIT;
    char normalized[FLEXPAY_PHONE_SIZE];
    flexpay_client *created = GARBAGE;
    flexpay_payment *payment = GARBAGE;
    flexpay_transaction *transaction = GARBAGE;
    flexpay_callback *callback = GARBAGE;
    expected.reference = "R";
    expected.amount = "1";
    expected.currency = "USD";

    REFUSED("config", flexpay_client_new(NULL, &created, &error));
    CHECK(created == NULL);
    REFUSED("client", flexpay_pay(NULL, &request, &payment, &error));
    CHECK(payment == NULL);
    REFUSED("request", flexpay_pay(client, NULL, &payment, &error));
    payment = GARBAGE;
    REFUSED("client", flexpay_pay_mobile(NULL, &mobile, &payment, &error));
    CHECK(payment == NULL);
    REFUSED("request", flexpay_pay_mobile(client, NULL, &payment, &error));
    payment = GARBAGE;
    REFUSED("client", flexpay_payout(NULL, &payout, &payment, &error));
    CHECK(payment == NULL);
    REFUSED("request", flexpay_payout(client, NULL, &payment, &error));
    REFUSED("phone", flexpay_normalize_phone(NULL, normalized, sizeof normalized, &error));
    REFUSED("normalized", flexpay_normalize_phone("0812345678", NULL, 0, &error));
    REFUSED("client", flexpay_check(NULL, "1", &transaction, &error));
    CHECK(transaction == NULL);
    REFUSED("order_number", flexpay_check(client, NULL, &transaction, &error));
    transaction = GARBAGE;
    REFUSED("client", flexpay_wait(NULL, "1", NULL, &transaction, &error));
    CHECK(transaction == NULL);
    REFUSED("order_number", flexpay_wait(client, NULL, NULL, &transaction, &error));
    REFUSED("body", flexpay_parse_callback(NULL, 1, &callback, &error));
    CHECK(callback == NULL);
    transaction = GARBAGE;
    REFUSED("client", flexpay_verify_callback(NULL, body, sizeof body - 1, &expected, &transaction,
                                              &error));
    CHECK(transaction == NULL);
    REFUSED("expected",
            flexpay_verify_callback(client, body, sizeof body - 1, NULL, &transaction, &error));
    REFUSED("body", flexpay_verify_callback(client, NULL, 1, &expected, &transaction, &error));
    transaction = GARBAGE;
    REFUSED("client", flexpay_verify_order(NULL, &expected, &transaction, &error));
    CHECK(transaction == NULL);
    REFUSED("expected", flexpay_verify_order(client, NULL, &transaction, &error));
    REFUSED("order_number", flexpay_verify_order(client, &expected, &transaction, &error));
}

/* The functions of the journal. The client has one. */
static void journal(flexpay_client *client)
{
    static const uint8_t body[] = "{\"code\":\"0\",\"reference\":\"R\"}";
    flexpay_resolution resolution = FLEXPAY_RESOLUTION_INIT;
    flexpay_settlement *entry = GARBAGE;
    flexpay_settlements *list = GARBAGE;
    flexpay_text *text = GARBAGE;
    uint64_t removed = 1;
    REFUSED("client", flexpay_settle(NULL, "R", NULL, &entry, &error));
    CHECK(entry == NULL);
    REFUSED("reference", flexpay_settle(client, NULL, NULL, &entry, &error));
    entry = GARBAGE;
    REFUSED("client", flexpay_settle_callback(NULL, body, sizeof body - 1, NULL, &entry, &error));
    CHECK(entry == NULL);
    REFUSED("body", flexpay_settle_callback(client, NULL, 1, NULL, &entry, &error));
    REFUSED("reference",
            flexpay_settle_callback(client, body, sizeof body - 1, NULL, &entry, &error));
    REFUSED("client", flexpay_reconcile(NULL, NULL, &list, &error));
    CHECK(list == NULL);
    entry = GARBAGE;
    REFUSED("client", flexpay_journal_get(NULL, "R", &entry, &error));
    CHECK(entry == NULL);
    REFUSED("reference", flexpay_journal_get(client, NULL, &entry, &error));
    list = GARBAGE;
    REFUSED("client", flexpay_journal_list(NULL, NULL, &list, &error));
    CHECK(list == NULL);
    entry = GARBAGE;
    REFUSED("client", flexpay_journal_acknowledge(NULL, "R", &entry, &error));
    CHECK(entry == NULL);
    REFUSED("reference", flexpay_journal_acknowledge(client, NULL, &entry, &error));
    entry = GARBAGE;
    REFUSED("client", flexpay_journal_resolve(NULL, &resolution, &entry, &error));
    CHECK(entry == NULL);
    REFUSED("resolution", flexpay_journal_resolve(client, NULL, &entry, &error));
    REFUSED("client", flexpay_journal_prune(NULL, 1, &removed, &error));
    CHECK_INT(0, removed);
    REFUSED("request", flexpay_journal_step(NULL, &text, &error));
    CHECK(text == NULL);

    flexpay_payment_request request = sandbox_request();
    CHECK_INT(FLEXPAY_OK, flexpay_pay(client, &request, NULL, NULL));
    CHECK_INT(FLEXPAY_OK, flexpay_settle(client, request.reference, NULL, NULL, NULL));
    CHECK_INT(FLEXPAY_OK, flexpay_reconcile(client, NULL, NULL, NULL));
    CHECK_INT(FLEXPAY_OK, flexpay_journal_get(client, request.reference, NULL, NULL));
    CHECK_INT(FLEXPAY_OK, flexpay_journal_list(client, NULL, NULL, NULL));
    CHECK_INT(FLEXPAY_ERROR_INVALID, flexpay_journal_acknowledge(client, request.reference, NULL, NULL));
    CHECK_INT(FLEXPAY_OK, flexpay_journal_prune(client, 1, NULL, NULL));
    CHECK_INT(FLEXPAY_OK, flexpay_journal_step("{\"entry\":null,\"sender_is_alive\":false,"
                                               "\"event\":{\"event\":\"settle\"}}",
                                               NULL, NULL));
    CHECK_INT(FLEXPAY_ERROR_INVALID, flexpay_settle(NULL, NULL, NULL, NULL, NULL));
    CHECK_INT(FLEXPAY_ERROR_CALLBACK, flexpay_settle_callback(client, NULL, 0, NULL, NULL, NULL));
    CHECK_INT(FLEXPAY_ERROR_INVALID, flexpay_reconcile(NULL, NULL, NULL, NULL));
    CHECK_INT(FLEXPAY_ERROR_INVALID, flexpay_journal_get(NULL, NULL, NULL, NULL));
    CHECK_INT(FLEXPAY_ERROR_INVALID, flexpay_journal_list(NULL, NULL, NULL, NULL));
    CHECK_INT(FLEXPAY_ERROR_INVALID, flexpay_journal_acknowledge(NULL, NULL, NULL, NULL));
    CHECK_INT(FLEXPAY_ERROR_INVALID, flexpay_journal_resolve(NULL, NULL, NULL, NULL));
    CHECK_INT(FLEXPAY_ERROR_INVALID, flexpay_journal_prune(NULL, 0, NULL, NULL));
    CHECK_INT(FLEXPAY_ERROR_INVALID, flexpay_journal_step(NULL, NULL, NULL));
}

/* An empty body cannot be parsed, even if the pointer is NULL. */
static void empty_body(void)
{
    flexpay_callback *callback = GARBAGE;
    flexpay_error *error = GARBAGE;
    CHECK_INT(FLEXPAY_ERROR_CALLBACK, flexpay_parse_callback(NULL, 0, &callback, &error));
    CHECK(callback == NULL);
    CHECK(error != NULL);
    flexpay_error_free(error);
}

/* With NULL for the result and the error, the function returns only the code and leaks nothing. */
static void outputs(flexpay_client *client)
{
    static const uint8_t body[] = "{\"code\":\"0\",\"reference\":\"R\"}";
    char reference[32];
    char *order = sandbox_order(reference);
    flexpay_config config = sandbox_config("http", FLEXPAY_API_V1_1);
    flexpay_payment_request request = sandbox_request();
    flexpay_mobile_request mobile;
    flexpay_payout_request payout;
    flexpay_expected expected = FLEXPAY_EXPECTED_INIT;
    flexpay_wait_options options = FLEXPAY_WAIT_OPTIONS_INIT;
    char normalized[FLEXPAY_PHONE_SIZE];
    expected.reference = reference;
    expected.amount = "25.50";
    expected.currency = "USD";
    expected.order_number = order;
    options.timeout_ms = 20000;
    sandbox_decide(order, "approve");

    CHECK_INT(FLEXPAY_OK, flexpay_client_new(&config, NULL, NULL));
    CHECK_INT(FLEXPAY_OK, flexpay_client_from_env(NULL, NULL));
    CHECK_INT(FLEXPAY_OK, flexpay_pay(client, &request, NULL, NULL));
    mobile = sandbox_mobile_request();
    CHECK_INT(FLEXPAY_OK, flexpay_pay_mobile(client, &mobile, NULL, NULL));
    payout = sandbox_payout_request();
    CHECK_INT(FLEXPAY_OK, flexpay_payout(client, &payout, NULL, NULL));
    CHECK_INT(FLEXPAY_OK,
              flexpay_normalize_phone("0812345678", normalized, sizeof normalized, NULL));
    CHECK_INT(FLEXPAY_OK, flexpay_check(client, order, NULL, NULL));
    CHECK_INT(FLEXPAY_OK, flexpay_wait(client, order, &options, NULL, NULL));
    CHECK_INT(FLEXPAY_OK, flexpay_parse_callback(body, sizeof body - 1, NULL, NULL));
    CHECK_INT(FLEXPAY_OK, flexpay_cancel_token_new(NULL, NULL));
    CHECK_INT(FLEXPAY_ERROR_MISMATCH,
              flexpay_verify_callback(client, body, sizeof body - 1, &expected, NULL, NULL));
    CHECK_INT(FLEXPAY_OK, flexpay_verify_order(client, &expected, NULL, NULL));

    CHECK_INT(FLEXPAY_ERROR_INVALID, flexpay_client_new(NULL, NULL, NULL));
    CHECK_INT(FLEXPAY_ERROR_INVALID, flexpay_pay(NULL, NULL, NULL, NULL));
    CHECK_INT(FLEXPAY_ERROR_INVALID, flexpay_pay_mobile(NULL, NULL, NULL, NULL));
    CHECK_INT(FLEXPAY_ERROR_INVALID, flexpay_payout(NULL, NULL, NULL, NULL));
    CHECK_INT(FLEXPAY_ERROR_INVALID, flexpay_normalize_phone(NULL, NULL, 0, NULL));
    CHECK_INT(FLEXPAY_ERROR_INVALID, flexpay_check(NULL, NULL, NULL, NULL));
    CHECK_INT(FLEXPAY_ERROR_INVALID, flexpay_wait(NULL, NULL, NULL, NULL, NULL));
    CHECK_INT(FLEXPAY_ERROR_CALLBACK, flexpay_parse_callback(NULL, 0, NULL, NULL));
    CHECK_INT(FLEXPAY_ERROR_INVALID, flexpay_verify_callback(NULL, NULL, 0, NULL, NULL, NULL));
    CHECK_INT(FLEXPAY_ERROR_INVALID, flexpay_verify_order(NULL, NULL, NULL, NULL));
    free(order);
}

int main(void)
{
    flexpay_config config = sandbox_config("http", FLEXPAY_API_V1_1);
    flexpay_client *client;
    config.flags = FLEXPAY_FLAG_ALLOW_PAYOUT;
    CHECK_INT(FLEXPAY_OK, flexpay_client_new(&config, &client, NULL));
    inputs(client);
    empty_body();
    outputs(client);
    flexpay_client_free(client);
    client = sandbox_journal_client(sandbox_journal());
    journal(client);
    flexpay_client_free(client);
    return test_end();
}
