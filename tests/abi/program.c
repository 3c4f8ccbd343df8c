/*
 * program.c: a program of a merchant, as it was compiled with the first version of this ABI.
 *
 * run.sh compiles it with baseline/flexpay.h and links it with a library that has only the functions and symbol
 * versions of then. It runs with the library of today. Do not change it for a new version of the library: a change
 * that it needs breaks every program of a merchant.
 *
 *     program JOURNAL      the path of a new journal
 */

#include <flexpay.h>

#include "http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int checks, failures;

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        checks++;                                                                                  \
        if (!(condition)) {                                                                        \
            failures++;                                                                            \
            printf("%s:%d: check failed: %s\n", __FILE__, __LINE__, #condition);                   \
        }                                                                                          \
    } while (0)

/* Ends the program if a call failed: what follows needs its result. */
static void succeeded(const char *call, flexpay_result result, flexpay_error *error)
{
    checks++;
    if (result == FLEXPAY_OK && error == NULL)
        return;
    printf("%s: %s: %s\n", call, flexpay_result_name(result), error != NULL ? error->message : "");
    exit(1);
}

/* The customer decides about a payment, on the page of the sandbox. */
static void customer(const char *order_number, const char *decision)
{
    char path[256], body[128];
    int status;
    snprintf(path, sizeof path, "/sandbox/api/payments/%s/decide", order_number);
    snprintf(body, sizeof body, "{\"decision\":\"%s\",\"callback\":false}", decision);
    status = http_exchange(getenv("SANDBOX_URL"), "POST", path, body, NULL);
    CHECK(status >= 200 && status <= 299);
}

static flexpay_client *client_with_journal(const char *journal)
{
    static char mobile_url[256], payout_url[256];
    flexpay_config config = FLEXPAY_CONFIG_INIT;
    flexpay_client *client;
    flexpay_error *error;
    flexpay_result result;
    snprintf(mobile_url, sizeof mobile_url, "%s/api/rest/v1/paymentService", getenv("SANDBOX_URL"));
    snprintf(payout_url, sizeof payout_url, "%s/api/rest/v1/merchantPayOutService", getenv("SANDBOX_URL"));
    config.merchant = getenv("FLEXPAY_MERCHANT");
    config.token = getenv("FLEXPAY_TOKEN");
    config.api = FLEXPAY_API_V1_1;
    config.pay_url = getenv("FLEXPAY_PAY_URL");
    config.check_url = getenv("FLEXPAY_CHECK_URL");
    config.mobile_url = mobile_url;
    config.payout_url = payout_url;
    config.ca_file = getenv("FLEXPAY_CA_FILE");
    config.timeout_ms = 60000;
    config.flags = FLEXPAY_FLAG_ALLOW_PAYOUT | FLEXPAY_FLAG_TRACE;
    config.journal = journal;
    result = flexpay_client_new(&config, &client, &error);
    succeeded("flexpay_client_new", result, error);
    return client;
}

static flexpay_payment_request request_for(const char *reference)
{
    flexpay_payment_request request = FLEXPAY_PAYMENT_REQUEST_INIT;
    request.reference = reference;
    request.amount = "25.50";
    request.currency = "USD";
    request.callback_url = "https://shop.example/callback";
    request.approve_url = "https://shop.example/ok";
    request.cancel_url = "https://shop.example/cancel";
    request.decline_url = "https://shop.example/no";
    return request;
}

static flexpay_expected expected_of(const char *reference, const char *order_number)
{
    flexpay_expected expected = FLEXPAY_EXPECTED_INIT;
    expected.reference = reference;
    expected.amount = "25.50";
    expected.currency = "USD";
    expected.order_number = order_number;
    return expected;
}

/* The customer pays by card: the order is checked, waited for, and verified by its callback. */
static void card(void)
{
    flexpay_client *client;
    flexpay_payment *payment;
    flexpay_transaction *transaction;
    flexpay_callback *callback;
    flexpay_error *error;
    flexpay_result result = flexpay_client_from_env(&client, &error);
    succeeded("flexpay_client_from_env", result, error);

    flexpay_payment_request request = request_for("ABI-CARD");
    result = flexpay_pay(client, &request, &payment, &error);
    succeeded("flexpay_pay", result, error);
    CHECK(payment->redirect_url != NULL && payment->order_number != NULL && payment->trace == NULL);
    CHECK(payment->is_recorded == 0);

    result = flexpay_check(client, payment->order_number, &transaction, &error);
    succeeded("flexpay_check", result, error);
    CHECK(transaction->state == FLEXPAY_STATE_PENDING);
    flexpay_transaction_free(transaction);

    customer(payment->order_number, "approve");
    flexpay_expected expected = expected_of("ABI-CARD", payment->order_number);
    flexpay_wait_options options = FLEXPAY_WAIT_OPTIONS_INIT;
    options.expected = &expected;
    result = flexpay_wait(client, payment->order_number, &options, &transaction, &error);
    succeeded("flexpay_wait", result, error);
    CHECK(transaction->state == FLEXPAY_STATE_PAID);
    CHECK(strcmp(transaction->amount, "25.50") == 0 && transaction->amount_minor == 2550);
    CHECK(strcmp(transaction->currency, "USD") == 0 && transaction->raw != NULL);
    flexpay_transaction_free(transaction);

    char body[256], key[FLEXPAY_CALLBACK_KEY_SIZE];
    snprintf(body, sizeof body, "{\"code\":\"0\",\"reference\":\"ABI-CARD\",\"orderNumber\":\"%s\"}",
             payment->order_number);
    result = flexpay_parse_callback((const uint8_t *)body, strlen(body), &callback, &error);
    succeeded("flexpay_parse_callback", result, error);
    CHECK(callback->claims_success == 1 && strcmp(callback->reference, "ABI-CARD") == 0);
    CHECK(strcmp(callback->order_number, payment->order_number) == 0 && strcmp(callback->raw, body) == 0);
    result = flexpay_callback_key(callback, key, sizeof key, &error);
    succeeded("flexpay_callback_key", result, error);
    CHECK(strlen(key) == sizeof key - 1);
    flexpay_callback_free(callback);
    result = flexpay_verify_callback(client, (const uint8_t *)body, strlen(body), &expected, &transaction, &error);
    succeeded("flexpay_verify_callback", result, error);
    CHECK(transaction->state == FLEXPAY_STATE_PAID);
    flexpay_transaction_free(transaction);

    /* Another amount than the recorded one. */
    expected.amount = "26";
    CHECK(flexpay_verify_order(client, &expected, &transaction, &error) == FLEXPAY_ERROR_MISMATCH);
    CHECK(transaction == NULL && error != NULL && error->code == FLEXPAY_ERROR_MISMATCH && error->message != NULL);
    flexpay_error_free(error);

    flexpay_payment_free(payment);
    flexpay_client_free(client);
}

/* A request of a program that is older still: the last field is not in its struct, and there is something else behind
 * it. An amount that is wrong shows that the library reads the fields that are there. */
static void shorter_struct(void)
{
    struct {
        flexpay_payment_request request;
        char behind[64];
    } memory;
    flexpay_client *client;
    flexpay_payment *payment;
    flexpay_error *error;
    flexpay_result result = flexpay_client_from_env(&client, &error);
    succeeded("flexpay_client_from_env", result, error);

    memset(&memory, 0xee, sizeof memory);
    flexpay_payment_request request = request_for("ABI-SHORT");
    request.size = offsetof(flexpay_payment_request, correlation_id);
    memcpy(&memory.request, &request, request.size);
    result = flexpay_pay(client, &memory.request, &payment, &error);
    succeeded("flexpay_pay, a shorter struct", result, error);
    CHECK(payment->order_number != NULL);
    flexpay_payment_free(payment);

    memory.request.amount = "25,50";
    CHECK(flexpay_pay(client, &memory.request, &payment, &error) == FLEXPAY_ERROR_INVALID);
    CHECK(payment == NULL && error != NULL && error->outcome == FLEXPAY_OUTCOME_NOT_SENT);
    CHECK(error != NULL && error->field != NULL && strcmp(error->field, "amount") == 0);
    flexpay_error_free(error);
    flexpay_client_free(client);
}

/* Mobile money and a payout, with a journal, from the request to the delivery. */
static void journal(const char *path)
{
    flexpay_client *client = client_with_journal(path);
    flexpay_payment *payment;
    flexpay_settlement *settlement;
    flexpay_settlements *settlements;
    flexpay_error *error;
    flexpay_result result;
    char phone[FLEXPAY_PHONE_SIZE];

    result = flexpay_normalize_phone("081 234 56 78", phone, sizeof phone, &error);
    succeeded("flexpay_normalize_phone", result, error);
    CHECK(strcmp(phone, "243812345678") == 0);

    flexpay_mobile_request request = FLEXPAY_MOBILE_REQUEST_INIT;
    request.reference = "ABI-MOBILE";
    request.amount = "575";
    request.currency = "CDF";
    request.phone = "0812345678";
    request.callback_url = "https://shop.example/callback";
    request.correlation_id = "panier-7";
    result = flexpay_pay_mobile(client, &request, &payment, &error);
    succeeded("flexpay_pay_mobile", result, error);
    CHECK(payment->order_number != NULL && payment->redirect_url == NULL);
    CHECK(payment->trace != NULL && strstr(payment->trace, "panier-7") != NULL);
    customer(payment->order_number, "approve");
    flexpay_payment_free(payment);

    result = flexpay_settle(client, "ABI-MOBILE", NULL, &settlement, &error);
    succeeded("flexpay_settle", result, error);
    CHECK(settlement->state == FLEXPAY_ENTRY_PAID && settlement->changed == 1 && settlement->to_deliver == 1);
    CHECK(settlement->kind == FLEXPAY_KIND_MOBILE && strcmp(settlement->amount, "575") == 0);
    flexpay_settlement_free(settlement);
    result = flexpay_journal_acknowledge(client, "ABI-MOBILE", &settlement, &error);
    succeeded("flexpay_journal_acknowledge", result, error);
    CHECK(settlement->changed == 1 && settlement->to_deliver == 0);
    flexpay_settlement_free(settlement);

    /* A second request with the same reference sends nothing. */
    result = flexpay_pay_mobile(client, &request, &payment, &error);
    succeeded("flexpay_pay_mobile, again", result, error);
    CHECK(payment->is_recorded == 1);
    flexpay_payment_free(payment);

    flexpay_payout_request payout = FLEXPAY_PAYOUT_REQUEST_INIT;
    payout.reference = "ABI-PAYOUT";
    payout.amount = "10";
    payout.currency = "USD";
    payout.phone = "0812345678";
    payout.callback_url = "https://shop.example/callback";
    result = flexpay_payout(client, &payout, &payment, &error);
    succeeded("flexpay_payout", result, error);
    flexpay_payment_free(payment);

    flexpay_reconcile_options options = FLEXPAY_RECONCILE_OPTIONS_INIT;
    result = flexpay_reconcile(client, &options, &settlements, &error);
    succeeded("flexpay_reconcile", result, error);
    CHECK(settlements->count == 1 && settlements->stopped == NULL);
    CHECK(settlements->count == 1 && strcmp(settlements->items[0]->reference, "ABI-PAYOUT") == 0);
    flexpay_settlements_free(settlements);

    flexpay_journal_query query = FLEXPAY_JOURNAL_QUERY_INIT;
    query.after = "ABI-MOBILE";
    result = flexpay_journal_list(client, &query, &settlements, &error);
    succeeded("flexpay_journal_list", result, error);
    CHECK(settlements->count == 1 && settlements->items[0]->state == FLEXPAY_ENTRY_PAID);
    flexpay_settlements_free(settlements);

    flexpay_resolution resolution = FLEXPAY_RESOLUTION_INIT;
    resolution.reference = "ABI-MOBILE";
    resolution.who = "the till";
    resolution.why = "a test";
    resolution.state = FLEXPAY_ENTRY_FAILED;
    CHECK(flexpay_journal_resolve(client, &resolution, &settlement, &error) == FLEXPAY_ERROR_INVALID);
    CHECK(settlement == NULL && error != NULL && strcmp(error->field, "state") == 0);
    flexpay_error_free(error);
    flexpay_client_free(client);
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return fprintf(stderr, "usage: program JOURNAL\n"), 2;
    CHECK(flexpay_abi_version() == FLEXPAY_ABI_VERSION);
    CHECK(flexpay_state_may_replace(FLEXPAY_STATE_FAILED, FLEXPAY_STATE_PAID) == 1);
    CHECK(strcmp(flexpay_state_name(FLEXPAY_STATE_PAID), "PAID") == 0);
    card();
    shorter_struct();
    journal(argv[1]);
    printf("compiled with flexpay %s, run with %s: %d checks, %d failed\n", FLEXPAY_VERSION, flexpay_version(),
           checks, failures);
    return failures != 0;
}
