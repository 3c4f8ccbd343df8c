/*
 * payout.c: sends money to a mobile money account: a refund, a commission, a salary.
 *
 *     payout PHONE AMOUNT CURRENCY REFERENCE [ORDER_NUMBER]
 *
 * Prints the order number, then waits until the beneficiary has the money. With ORDER_NUMBER it sends
 * nothing: it verifies a payout that was sent before.
 *
 * A repeated payout gives the money away. So the reference is yours, from your records: write it down
 * before you start the program, and never use one twice, nor that of a payment. If the exit status is 2,
 * do NOT send again: verify the order number, or look for the reference in the FlexPay console.
 *
 * Exit status: 0 the beneficiary has the money; 1 nothing was paid out; 2 unknown.
 *
 * Environment: that of flexpay_client_from_env. FLEXPAY_ALLOW_PAYOUT=1 is required: set it only for this
 * program, and not for the till or the shop, which could then send money out by mistake. And
 *   FLEXPAY_PAYOUT_CALLBACK_URL  where the gateway sends its callback
 *   FLEXPAY_TRACE=1              prints what the calls did, for your log
 *
 * Build: cc -std=c99 payout.c $(pkg-config --cflags --libs flexpay) -o payout
 */

#include <flexpay.h>
#include <stdio.h>
#include <stdlib.h>

enum verdict { PAID = 0, NOT_PAID = 1, UNKNOWN = 2 };

/* How long to wait for the operator. The payout goes on after it. */
#define WAIT_MS 60000

/* The trace is one line of JSON. It never contains the token. */
static void print_trace(const char *trace)
{
    if (trace != NULL)
        fprintf(stderr, "%s\n", trace);
}

static void print_error(const flexpay_error *error)
{
    if (error == NULL) /* only after a bug in the library */
        return;
    printf("  %s: %s\n", flexpay_result_name(error->code), error->message);
    print_trace(error->trace);
}

static const char *callback_url(void)
{
    const char *url = getenv("FLEXPAY_PAYOUT_CALLBACK_URL");
    return url != NULL && *url != '\0' ? url : "https://boutique.example/flexpay/callback";
}

/* The payout request failed. The outcome of the error, not its code, says whether to send again. */
static enum verdict explain_request(const flexpay_error *error)
{
    switch (error != NULL ? error->outcome : FLEXPAY_OUTCOME_UNKNOWN) {
    case FLEXPAY_OUTCOME_NOT_SENT:
        printf("NOT PAID OUT: nothing was sent.\n");
        print_error(error);
        return NOT_PAID;
    case FLEXPAY_OUTCOME_REFUSED:
        printf("NOT PAID OUT: the gateway refused this request. If the reference was used before, verify\n"
               "that payout first. Otherwise correct the cause, and use a new reference.\n");
        print_error(error);
        return NOT_PAID;
    default: /* UNKNOWN, or a value of a later version */
        printf("UNKNOWN: the money may be on its way. Do NOT send again.\n");
        print_error(error);
        return UNKNOWN;
    }
}

/* Waits until the payout is final, and compares it with what was requested. */
static enum verdict wait_for_operator(const flexpay_client *client, const flexpay_expected *payout)
{
    flexpay_wait_options options = FLEXPAY_WAIT_OPTIONS_INIT;
    flexpay_transaction *transaction;
    flexpay_error *error;
    enum verdict verdict = UNKNOWN;

    options.timeout_ms = WAIT_MS;
    options.expected = payout;
    if (flexpay_wait(client, payout->order_number, &options, &transaction, &error) != FLEXPAY_OK) {
        if (error != NULL && error->code == FLEXPAY_ERROR_MISMATCH)
            printf("UNKNOWN: the order is not this payout. Do NOT send again.\n");
        else
            printf("UNKNOWN: not confirmed yet. Do NOT send again: verify the order later.\n");
        print_error(error);
        flexpay_error_free(error);
        return UNKNOWN;
    }
    switch (transaction->state) {
    case FLEXPAY_STATE_PAID:
        printf("PAID OUT: the beneficiary has %s %s (%s).\n", transaction->amount, transaction->currency,
               transaction->channel != NULL ? transaction->channel : "operator unknown");
        verdict = PAID;
        break;
    case FLEXPAY_STATE_FAILED: /* the wait returns it only after it has lasted for a while */
    case FLEXPAY_STATE_CANCELLED:
    case FLEXPAY_STATE_REFUNDING:
    case FLEXPAY_STATE_REFUNDED:
        printf("NOT PAID OUT: the gateway reports %s. Verify it once more before you send it with a new\n"
               "reference.\n",
               flexpay_state_name(transaction->state));
        verdict = NOT_PAID;
        break;
    default: /* a state of a later version */
        printf("UNKNOWN: the gateway reports %s. Do NOT send again.\n",
               flexpay_state_name(transaction->state));
        break;
    }
    print_trace(transaction->trace);
    flexpay_transaction_free(transaction);
    return verdict;
}

int main(int argc, char **argv)
{
    flexpay_client *client = NULL;
    flexpay_payment *payout = NULL;
    flexpay_error *error = NULL;
    enum verdict verdict;

    if (argc < 5 || argc > 6) {
        fprintf(stderr, "usage: payout PHONE AMOUNT CURRENCY REFERENCE [ORDER_NUMBER]\n");
        return NOT_PAID;
    }
    flexpay_payout_request request = FLEXPAY_PAYOUT_REQUEST_INIT;
    request.phone = argv[1];
    request.amount = argv[2];
    request.currency = argv[3];
    request.reference = argv[4];
    request.callback_url = callback_url();

    flexpay_expected expected = FLEXPAY_EXPECTED_INIT;
    expected.kind = FLEXPAY_KIND_PAYOUT;
    expected.reference = request.reference;
    expected.amount = request.amount;
    expected.currency = request.currency;
    expected.order_number = argc > 5 ? argv[5] : NULL;

    flexpay_result result = flexpay_client_from_env(&client, &error);
    if (result == FLEXPAY_OK && expected.order_number == NULL) {
        printf("Sending %s %s to %s, reference %s ...\n", request.amount, request.currency, request.phone,
               request.reference);
        fflush(stdout);
        result = flexpay_payout(client, &request, &payout, &error);
        if (result == FLEXPAY_OK) {
            printf("Accepted, order number %s.\n", payout->order_number);
            fflush(stdout);
            print_trace(payout->trace);
            expected.order_number = payout->order_number;
        }
    }
    verdict = result == FLEXPAY_OK ? wait_for_operator(client, &expected) : explain_request(error);

    flexpay_error_free(error);
    flexpay_payment_free(payout);
    flexpay_client_free(client);
    return verdict;
}
