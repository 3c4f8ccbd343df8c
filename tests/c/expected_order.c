/* Verifies an order without a callback: flexpay_verify_order, and flexpay_wait with `expected`. */

#include "sandbox.h"
#include "test.h"

#include <stdlib.h>
#include <string.h>

/* Both functions must return the same result. Only the outcome of an error may differ: after a wait it
 * may be UNKNOWN. */
static void both(flexpay_client *client, const char *order, const flexpay_expected *expected,
                 flexpay_result result, const char *field, int32_t outcome, int32_t wait_outcome)
{
    flexpay_wait_options options = FLEXPAY_WAIT_OPTIONS_INIT;
    options.timeout_ms = 60000;
    options.expected = expected;
    for (int waits = 0; waits < 2; waits++) {
        flexpay_transaction *transaction;
        flexpay_error *error;
        CHECK_INT(result, waits ? flexpay_wait(client, order, &options, &transaction, &error)
                                : flexpay_verify_order(client, expected, &transaction, &error));
        CHECK((transaction != NULL) == (result == FLEXPAY_OK));
        CHECK((error != NULL) == (result != FLEXPAY_OK));
        if (transaction != NULL) {
            CHECK_INT(FLEXPAY_STATE_PAID, transaction->state);
            CHECK_STR(order, transaction->order_number);
        }
        if (error != NULL) {
            CHECK_STR(field, error->field);
            CHECK_INT(waits ? wait_outcome : outcome, error->outcome);
        }
        flexpay_transaction_free(transaction);
        flexpay_error_free(error);
    }
}

#define MISMATCH(field)                                                                            \
    both(client, order, &expected, FLEXPAY_ERROR_MISMATCH, field, FLEXPAY_OUTCOME_REFUSED,         \
         FLEXPAY_OUTCOME_UNKNOWN)

static void verify_all(flexpay_client *client)
{
    char reference[32], other[32];
    char *order = sandbox_order(reference), *another = sandbox_order(other);
    flexpay_wait_options options = FLEXPAY_WAIT_OPTIONS_INIT;
    flexpay_expected right = FLEXPAY_EXPECTED_INIT, expected;
    flexpay_error *error;
    sandbox_decide(order, "approve");
    right.reference = reference;
    right.amount = "25.5";
    right.currency = "USD";
    right.order_number = order;
    both(client, order, &right, FLEXPAY_OK, NULL, 0, 0);

    expected = right;
    expected.amount = "25.51";
    MISMATCH("amount");
    expected = right;
    expected.currency = "CDF";
    MISMATCH("currency");
    expected = right;
    expected.reference = other;
    MISMATCH("reference");

    expected = right;
    expected.amount = NULL;
    both(client, order, &expected, FLEXPAY_ERROR_INVALID, "amount", FLEXPAY_OUTCOME_NOT_SENT,
         FLEXPAY_OUTCOME_NOT_SENT);

    /* flexpay_verify_order requires the order number; flexpay_wait does not. */
    expected = right;
    expected.order_number = NULL;
    CHECK_INT(FLEXPAY_ERROR_INVALID, flexpay_verify_order(client, &expected, NULL, &error));
    CHECK_STR("order_number", error != NULL ? error->field : NULL);
    flexpay_error_free(error);
    options.timeout_ms = 60000;
    options.expected = &expected;
    CHECK_INT(FLEXPAY_OK, flexpay_wait(client, order, &options, NULL, NULL));
    /* If it is set, it must be the order number that is waited for. */
    expected.order_number = another;
    CHECK_INT(FLEXPAY_ERROR_INVALID, flexpay_wait(client, order, &options, NULL, &error));
    CHECK_STR("order_number", error != NULL ? error->field : NULL);
    flexpay_error_free(error);

    expected.order_number = "no-such-order";
    CHECK_INT(FLEXPAY_ERROR_NOT_FOUND, flexpay_verify_order(client, &expected, NULL, NULL));
    /* Not paid yet: it is the expected order, and its state is PENDING. */
    expected = right;
    expected.reference = other;
    expected.order_number = another;
    flexpay_transaction *transaction;
    CHECK_INT(FLEXPAY_OK, flexpay_verify_order(client, &expected, &transaction, NULL));
    CHECK_INT(FLEXPAY_STATE_PENDING, transaction != NULL ? transaction->state : -1);
    flexpay_transaction_free(transaction);
    free(order);
    free(another);
}

/* A v1 payment has no order number. If the caller passes it on, the error names v1.1. */
static void without_an_order_number(flexpay_client *client)
{
    static const char *const none[] = {NULL, "", " "};
    for (size_t at = 0; at < sizeof none / sizeof *none; at++)
        for (int waits = 0; waits < 2; waits++) {
            flexpay_error *error;
            CHECK_INT(FLEXPAY_ERROR_INVALID,
                      waits ? flexpay_wait(client, none[at], NULL, NULL, &error)
                            : flexpay_check(client, none[at], NULL, &error));
            CHECK_STR("order_number", error != NULL ? error->field : NULL);
            CHECK(error != NULL && strstr(error->message, "v1.1") != NULL);
            flexpay_error_free(error);
        }
}

int main(void)
{
    flexpay_client *client = sandbox_client("http", FLEXPAY_API_V1_1);
    sandbox_clear_faults();
    verify_all(client);
    without_an_order_number(client);
    flexpay_client_free(client);
    return test_end();
}
