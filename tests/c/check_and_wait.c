/* Checks the state of an order, and waits until the state is final. */

#include "http.h"
#include "sandbox.h"
#include "test.h"

#include <stdlib.h>

static flexpay_wait_options short_intervals(void)
{
    flexpay_wait_options options = FLEXPAY_WAIT_OPTIONS_INIT;
    options.timeout_ms = 60000;
    options.interval_ms = 20;
    options.max_interval_ms = 50;
    options.failed_grace_ms = 300;
    return options;
}

static void check_returns_every_state(flexpay_client *client)
{
    static const struct {
        const char *decision;
        int32_t state;
        const char *status;
    } states[] = {
        {"pending", FLEXPAY_STATE_PENDING, "2"},     {"approve", FLEXPAY_STATE_PAID, "0"},
        {"decline", FLEXPAY_STATE_FAILED, "1"},      {"refunding", FLEXPAY_STATE_REFUNDING, "3"},
        {"refunded", FLEXPAY_STATE_REFUNDED, "4"},   {"cancel", FLEXPAY_STATE_CANCELLED, "5"},
    };
    for (size_t at = 0; at < sizeof states / sizeof *states; at++) {
        char reference[32];
        char *order = sandbox_order(reference);
        flexpay_transaction *transaction;
        flexpay_error *error;
        sandbox_decide(order, states[at].decision);
        CHECK_INT(FLEXPAY_OK, flexpay_check(client, order, &transaction, &error));
        CHECK(error == NULL);
        if (transaction != NULL) {
            CHECK_INT(states[at].state, transaction->state);
            CHECK_STR(states[at].status, transaction->status);
            CHECK_STR(order, transaction->order_number);
            CHECK_STR(reference, transaction->reference);
            CHECK_STR("25.50", transaction->amount);
            CHECK_INT(2550, transaction->amount_minor);
            CHECK_STR("26.01", transaction->amount_customer);
            CHECK_INT(2601, transaction->amount_customer_minor);
            CHECK_STR("USD", transaction->currency);
            CHECK_STR("0", transaction->code);
            CHECK(transaction->message != NULL);
            CHECK(transaction->created_at != NULL && strlen(transaction->created_at) == 19);
            CHECK(transaction->raw != NULL && strstr(transaction->raw, reference) != NULL);
        }
        flexpay_transaction_free(transaction);
        free(order);
    }
}

static void wait_ends_with(flexpay_client *client, const char *decision, int32_t state)
{
    flexpay_wait_options options = short_intervals();
    flexpay_transaction *transaction;
    flexpay_error *error;
    char *order = sandbox_order(NULL);
    sandbox_decide(order, decision);
    CHECK_INT(FLEXPAY_OK, flexpay_wait(client, order, &options, &transaction, &error));
    CHECK_INT(state, transaction != NULL ? transaction->state : -1);
    CHECK_STR(NULL, error != NULL ? error->message : NULL);
    flexpay_transaction_free(transaction);
    flexpay_error_free(error);
    free(order);
}

/* The gateway can report FAILED while the customer is still typing, and PAID afterwards. This is the
 * reason for failed_grace_ms. */
static void failed_too_early(flexpay_client *client)
{
    flexpay_wait_options options = short_intervals();
    flexpay_transaction *transaction;
    const char *server = sandbox_env("SANDBOX_URL");
    options.failed_grace_ms = 60000;
    CHECK_INT(200, http_exchange(server, "PATCH", "/sandbox/api/quirks",
                                 "{\"early_failure_checks\":3,\"not_found_checks\":2}", NULL));
    char *order = sandbox_order(NULL);
    /* Order not found, then a gateway error, then an early FAILED: the wait continues after each. */
    char fault[512];
    snprintf(fault, sizeof fault,
             "{\"on\":\"check\",\"order_number\":\"%s\",\"times\":2,\"action\":{\"kind\":\"html\","
             "\"status\":502}}",
             order);
    sandbox_fault(fault);
    options.timeout_ms = 1500;
    CHECK_INT(FLEXPAY_ERROR_TIMEOUT, flexpay_wait(client, order, &options, NULL, NULL));
    sandbox_decide(order, "approve");
    options.timeout_ms = 60000;
    CHECK_INT(FLEXPAY_OK, flexpay_wait(client, order, &options, &transaction, NULL));
    CHECK_INT(FLEXPAY_STATE_PAID, transaction != NULL ? transaction->state : -1);
    CHECK_INT(200, http_exchange(server, "PATCH", "/sandbox/api/quirks",
                                 "{\"early_failure_checks\":0,\"not_found_checks\":0}", NULL));
    flexpay_transaction_free(transaction);
    free(order);
}

static void wait_times_out(flexpay_client *client)
{
    flexpay_wait_options options = short_intervals();
    flexpay_transaction *transaction;
    flexpay_error *error;
    char *order = sandbox_order(NULL);
    options.timeout_ms = 4000;
    CHECK_INT(FLEXPAY_ERROR_TIMEOUT, flexpay_wait(client, order, &options, &transaction, &error));
    CHECK(transaction == NULL);
    CHECK_INT(FLEXPAY_OUTCOME_UNKNOWN, error != NULL ? error->outcome : -1);
    /* The message contains the last state. */
    CHECK(error != NULL && strstr(error->message, "PENDING") != NULL);
    flexpay_error_free(error);
    free(order);
}

int main(void)
{
    flexpay_client *client = sandbox_client("http", FLEXPAY_API_V1_1);
    sandbox_clear_faults();
    check_returns_every_state(client);
    wait_ends_with(client, "approve", FLEXPAY_STATE_PAID);
    wait_ends_with(client, "decline", FLEXPAY_STATE_FAILED);
    wait_ends_with(client, "cancel", FLEXPAY_STATE_CANCELLED);
    wait_ends_with(client, "refunding", FLEXPAY_STATE_REFUNDING);
    wait_ends_with(client, "refunded", FLEXPAY_STATE_REFUNDED);
    failed_too_early(client);
    wait_times_out(client);
    flexpay_client_free(client);
    client = sandbox_client("https", FLEXPAY_API_V1_1);
    wait_ends_with(client, "approve", FLEXPAY_STATE_PAID);
    flexpay_client_free(client);
    return test_end();
}
