/*
 * payout.c: sends money to a mobile money account: a refund, a commission, a salary.
 *
 *     payout PHONE AMOUNT CURRENCY REFERENCE
 *
 * Sends the payout, then waits until the beneficiary has the money. Start it again with the same arguments as
 * often as you like, also after a crash: the payout is in the journal, a file, before it is sent, and it is
 * sent once. The program then asks what became of it.
 *
 * A repeated payout gives the money away. So the reference is yours, from your records: never use one twice,
 * nor that of a payment. If the exit status is 2, do NOT send the money in another way.
 *
 * Exit status: 0 the beneficiary has the money; 1 nothing was paid out; 2 unknown; 3 wrong arguments.
 *
 * Environment: that of flexpay_client_from_env. FLEXPAY_ALLOW_PAYOUT=1 is required: set it only for this
 * program, and not for the till or the shop, which could then send money out by mistake. And
 *   FLEXPAY_JOURNAL              the journal. Required.
 *   FLEXPAY_PAYOUT_CALLBACK_URL  where the gateway sends its callback
 *   FLEXPAY_TRACE=1              prints what the calls did, for your log
 *
 * Build: cc -std=c99 payout.c $(pkg-config --cflags --libs flexpay) -o payout
 */

#include <flexpay.h>
#include <stdio.h>
#include <stdlib.h>

enum verdict { PAID = 0, NOT_PAID = 1, UNKNOWN = 2, USAGE = 3 };

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

static const char *setting(const char *name, const char *fallback)
{
    const char *value = getenv(name);
    return value != NULL && *value != '\0' ? value : fallback;
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
        printf("NOT PAID OUT: the gateway refused this request. Correct the cause, and try again.\n");
        print_error(error);
        return NOT_PAID;
    default: /* UNKNOWN, or a value of a later version */
        printf("UNKNOWN: the money may be on its way. Do NOT send it in another way.\n");
        print_error(error);
        return UNKNOWN;
    }
}

/* Waits until the payout is final. It is compared with the journal, which has what was requested. */
static enum verdict wait_for_operator(const flexpay_client *client, const char *reference)
{
    flexpay_wait_options options = FLEXPAY_WAIT_OPTIONS_INIT;
    flexpay_settlement *payout;
    flexpay_error *error;
    enum verdict verdict = UNKNOWN;

    options.timeout_ms = WAIT_MS;
    if (flexpay_settle(client, reference, &options, &payout, &error) != FLEXPAY_OK) {
        if (error != NULL && error->code == FLEXPAY_ERROR_MISMATCH)
            printf("UNKNOWN: the order is not this payout. Do NOT send again.\n");
        else
            printf("UNKNOWN: not confirmed yet. Start the program again later: it sends nothing.\n");
        print_error(error);
        flexpay_error_free(error);
        return UNKNOWN;
    }
    if (payout->state == FLEXPAY_ENTRY_PAID) {
        printf("PAID OUT: the beneficiary %s has %s %s.\n", payout->phone, payout->amount,
               payout->currency);
        verdict = PAID;
    } else {
        /* Also FAILED: the gateway may still report PAID later. */
        printf("UNKNOWN: the gateway reports %s. Start the program again later, for a day.\n",
               flexpay_entry_state_name(payout->state));
    }
    flexpay_settlement_free(payout);
    return verdict;
}

int main(int argc, char **argv)
{
    flexpay_client *client = NULL;
    flexpay_payment *payout = NULL;
    flexpay_error *error = NULL;
    enum verdict verdict;

    if (argc != 5 || setting("FLEXPAY_JOURNAL", NULL) == NULL) {
        fprintf(stderr, "usage: FLEXPAY_JOURNAL=FILE payout PHONE AMOUNT CURRENCY REFERENCE\n");
        return USAGE;
    }
    flexpay_payout_request request = FLEXPAY_PAYOUT_REQUEST_INIT;
    request.phone = argv[1];
    request.amount = argv[2];
    request.currency = argv[3];
    request.reference = argv[4];
    request.callback_url =
        setting("FLEXPAY_PAYOUT_CALLBACK_URL", "https://boutique.example/flexpay/callback");

    if (flexpay_client_from_env(&client, &error) == FLEXPAY_OK &&
        flexpay_payout(client, &request, &payout, &error) == FLEXPAY_OK) {
        printf("%s order number %s.\n",
               payout->is_recorded ? "Sent before, and not again:" : "Accepted,", payout->order_number);
        fflush(stdout);
        print_trace(payout->trace);
        verdict = wait_for_operator(client, request.reference);
    } else {
        verdict = explain_request(error);
    }

    flexpay_error_free(error);
    flexpay_payment_free(payout);
    flexpay_client_free(client);
    return verdict;
}
