/*
 * callback.c: what a callback says, and whether it is true.
 *
 *     callback REFERENCE AMOUNT CURRENCY [ORDER_NUMBER [STATE]] < BODY
 *
 * The arguments are what you asked for, from your own records; the body is what was posted to your
 * callback address. ANYONE can post there, so the body is shown as a claim and then held against
 * the gateway's own word. STATE is what you have recorded of the payment (PENDING at first): with it,
 * the last line says what to record now. Record every state, not PAID alone: after FAILED or CANCELLED
 * the customer may pay again, under a new reference.
 *
 * Exit status: 0 paid: deliver; 1 not paid, or not about this payment; 2 not known yet: ask again later;
 * 3 known already, by the STATE given: nothing is to be done.
 *
 * Environment: that of flexpay_client_from_env, and QUERY_STRING, as CGI has it: what stood after
 * the "?" when it was posted. With FLEXPAY_CALLBACK_SECRET set, the address's signature is there.
 *
 * Build: cc -std=c99 callback.c $(pkg-config --cflags --libs flexpay) -o callback
 */

#include <flexpay.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum verdict { PAID = 0, NOT_PAID = 1, UNKNOWN = 2, KNOWN = 3 };

/* A stranger's words go to a terminal, which obeys what looks like its own commands. */
static void print_text(const char *label, const char *text)
{
    if (text == NULL)
        return;
    printf("  %-18s ", label);
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        putchar(c < 0x20 || c == 0x7f ? '?' : c);
    }
    putchar('\n');
}

static void show_claim(const uint8_t *body, size_t length)
{
    flexpay_callback *callback;
    flexpay_error *error;
    if (flexpay_parse_callback(body, length, &callback, &error) != FLEXPAY_OK) {
        printf("It cannot be read.\n");
        flexpay_error_free(error); /* the verdict says it again */
        return;
    }
    printf("It claims %s:\n", callback->claims_success ? "success" : "no success");
    print_text("code", callback->code);
    print_text("reference", callback->reference);
    print_text("order number", callback->order_number);
    print_text("provider reference", callback->provider_reference);
    print_text("amount", callback->amount);
    print_text("currency", callback->currency);
    print_text("channel", callback->channel);
    print_text("message", callback->message);
    flexpay_callback_free(callback);
}

static enum verdict explain(const flexpay_error *error)
{
    int32_t code = error != NULL ? error->code : FLEXPAY_ERROR_INTERNAL;
    enum verdict verdict = UNKNOWN;
    switch (code) {
    case FLEXPAY_ERROR_MISMATCH:
        printf("REFUSED: it is not about this payment. Deliver nothing.\n");
        verdict = NOT_PAID;
        break;
    case FLEXPAY_ERROR_CALLBACK:
        printf("REFUSED: this is no callback of the gateway's. Deliver nothing.\n");
        verdict = NOT_PAID;
        break;
    case FLEXPAY_ERROR_NOT_FOUND: /* normal for a moment after the payment request */
        printf("NOT KNOWN: the gateway knows no such order, or not yet. Deliver nothing.\n");
        break;
    case FLEXPAY_ERROR_INVALID: /* to ask again mends no setting */
        printf("NOT KNOWN: an argument or a setting is wrong. Deliver nothing, and correct it.\n");
        break;
    default:
        printf("NOT KNOWN: it could not be verified. Deliver nothing, and ask again later.\n");
        break;
    }
    if (error != NULL)
        print_text(flexpay_result_name(error->code), error->message);
    return verdict;
}

static enum verdict conclude(const flexpay_transaction *transaction)
{
    switch (transaction->state) {
    case FLEXPAY_STATE_PAID:
        printf("PAID: the gateway says so itself, of %s %s. Deliver, once.\n", transaction->amount,
               transaction->currency);
        return PAID;
    case FLEXPAY_STATE_FAILED:
    case FLEXPAY_STATE_CANCELLED:
    case FLEXPAY_STATE_REFUNDING:
    case FLEXPAY_STATE_REFUNDED:
        printf("NOT PAID: the gateway says %s, whatever the callback claims. Deliver nothing.\n",
               flexpay_state_name(transaction->state));
        return NOT_PAID;
    default: /* PENDING, UNKNOWN, and whatever may come */
        printf("NOT KNOWN: the gateway says %s. Deliver nothing, and ask again later.\n",
               flexpay_state_name(transaction->state));
        return UNKNOWN;
    }
}

/* The state of that name, as the library spells it. What is no name is UNKNOWN: anything replaces it. */
static int32_t state_named(const char *name)
{
    static const int32_t states[] = {FLEXPAY_STATE_PENDING,   FLEXPAY_STATE_PAID,
                                     FLEXPAY_STATE_FAILED,    FLEXPAY_STATE_CANCELLED,
                                     FLEXPAY_STATE_REFUNDING, FLEXPAY_STATE_REFUNDED};
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++)
        if (strcmp(name, flexpay_state_name(states[i])) == 0)
            return states[i];
    return FLEXPAY_STATE_UNKNOWN;
}

/* Callbacks come twice, late and out of order: a new state is recorded only where it may follow. */
static bool is_news(const char *recorded, int32_t now)
{
    bool news = flexpay_state_may_replace(state_named(recorded), now) == 1;
    if (news)
        printf("Record %s.\n", flexpay_state_name(now));
    else
        printf("KNOWN: the gateway says %s. Leave %s recorded, and do nothing.\n",
               flexpay_state_name(now), recorded);
    return news;
}

int main(int argc, char **argv)
{
    /* The library refuses a body over 64 KiB: one byte more is enough to see that. */
    static uint8_t body[64 * 1024 + 1];
    flexpay_client *client = NULL;
    flexpay_transaction *transaction = NULL;
    flexpay_error *error = NULL;
    enum verdict verdict;

    if (argc < 4 || argc > 6) {
        fprintf(stderr, "usage: callback REFERENCE AMOUNT CURRENCY [ORDER_NUMBER [STATE]] < BODY\n");
        return UNKNOWN;
    }
    flexpay_expected expected = FLEXPAY_EXPECTED_INIT;
    expected.reference = argv[1];
    expected.amount = argv[2];
    expected.currency = argv[3];
    expected.order_number = argc > 4 ? argv[4] : NULL;
    expected.query = getenv("QUERY_STRING");

    size_t length = fread(body, 1, sizeof body, stdin);
    show_claim(body, length);
    if (flexpay_client_from_env(&client, &error) == FLEXPAY_OK &&
        flexpay_verify_callback(client, body, length, &expected, &transaction, &error) ==
            FLEXPAY_OK) {
        bool news = argc <= 5 || is_news(argv[5], transaction->state);
        verdict = news ? conclude(transaction) : KNOWN;
    } else {
        verdict = explain(error);
    }

    flexpay_error_free(error);
    flexpay_transaction_free(transaction);
    flexpay_client_free(client);
    return verdict;
}
