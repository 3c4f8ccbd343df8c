/*
 * callback.c: shows the contents of a callback, and verifies it.
 *
 *     callback < BODY
 *     callback [--kind card|mobile|payout] REFERENCE AMOUNT CURRENCY [ORDER_NUMBER [STATE]] < BODY
 *
 * The body is what was posted to your callback address. ANYONE can post there, so the program shows the body
 * as a claim, then sends a check to the gateway.
 *
 * Without arguments it uses the journal, FLEXPAY_JOURNAL, that the payment went through: the journal has what
 * you requested, and records the new state. If the payment is paid, the program acknowledges it there: of all
 * programs with this journal, one alone delivers.
 *
 * With arguments it needs no journal: they are the payment or payout that you requested, from your own
 * records; the kind is "card" if it is not given. A payout needs its ORDER_NUMBER, or a signed callback
 * address. STATE is the state that you have recorded (PENDING at first): with it, the program prints what to
 * record now. Record every state, not only PAID: after FAILED or CANCELLED the customer may pay again, with
 * a new reference.
 *
 * Exit status: 0 paid: deliver; 1 not paid, or not about this payment; 2 unknown: check again later; 3 do
 * nothing: the state does not change, or the journal says that it is a payout; 4 paid, and delivered before:
 * do not deliver again. Status 4 needs the journal. A payout that the arguments name has status 0 if the
 * beneficiary has the money.
 *
 * Environment: that of flexpay_client_from_env, and QUERY_STRING, as in CGI: the part of the address
 * after "?". With FLEXPAY_CALLBACK_SECRET set, it contains the signature of the address.
 *
 * Build: cc -std=c99 callback.c $(pkg-config --cflags --libs flexpay) -o callback
 */

#include <flexpay.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum verdict { PAID = 0, NOT_PAID = 1, UNKNOWN = 2, UNCHANGED = 3, DELIVERED = 4 };

/* The text may come from an attacker. Replaces control characters, which a terminal could execute as
 * commands. */
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
        printf("It cannot be parsed.\n");
        flexpay_error_free(error); /* flexpay_verify_callback returns it again */
        return;
    }
    printf("It claims %s:\n", callback->claims_success ? "success" : "failure");
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
        printf("REFUSED: this is not a callback of the gateway. Deliver nothing.\n");
        verdict = NOT_PAID;
        break;
    case FLEXPAY_ERROR_NOT_FOUND: /* normal for a moment after the payment request */
        printf("UNKNOWN: the gateway does not know this order, or not yet. Deliver nothing.\n");
        break;
    case FLEXPAY_ERROR_INVALID: /* a retry would fail again */
        printf("UNKNOWN: an argument or a setting is wrong. Deliver nothing, and correct it.\n");
        break;
    default:
        printf("UNKNOWN: it could not be verified. Deliver nothing, and check again later.\n");
        break;
    }
    if (error != NULL)
        print_text(flexpay_result_name(error->code), error->message);
    return verdict;
}

static enum verdict conclude(const flexpay_transaction *transaction, int32_t kind)
{
    switch (transaction->state) {
    case FLEXPAY_STATE_PAID:
        if (kind == FLEXPAY_KIND_PAYOUT) {
            printf("PAID: the beneficiary has the money, %s %s.\n", transaction->amount,
                   transaction->currency);
            return PAID;
        }
        printf("PAID: the gateway confirms it, for %s %s. Deliver once.\n", transaction->amount,
               transaction->currency);
        return PAID;
    case FLEXPAY_STATE_FAILED:
    case FLEXPAY_STATE_CANCELLED:
    case FLEXPAY_STATE_REFUNDING:
    case FLEXPAY_STATE_REFUNDED:
        if (kind == FLEXPAY_KIND_PAYOUT) {
            /* The gateway may still report PAID later. */
            printf("UNKNOWN: the gateway reports %s. Do NOT send again: verify the order for a day.\n",
                   flexpay_state_name(transaction->state));
            return UNKNOWN;
        }
        printf("NOT PAID: the gateway reports %s, whatever the callback claims. Deliver nothing.\n",
               flexpay_state_name(transaction->state));
        return NOT_PAID;
    default: /* PENDING, UNKNOWN, or a state of a later version */
        printf("UNKNOWN: the gateway reports %s. Deliver nothing, and check again later.\n",
               flexpay_state_name(transaction->state));
        return UNKNOWN;
    }
}

/* Returns the kind with this name, or -1. */
static int32_t kind_from_name(const char *name)
{
    if (strcmp(name, "card") == 0)
        return FLEXPAY_KIND_CARD;
    if (strcmp(name, "mobile") == 0)
        return FLEXPAY_KIND_MOBILE;
    return strcmp(name, "payout") == 0 ? FLEXPAY_KIND_PAYOUT : -1;
}

/* Returns the state with this name. Any other text is UNKNOWN, which every state may replace. */
static int32_t state_from_name(const char *name)
{
    static const int32_t states[] = {FLEXPAY_STATE_PENDING,   FLEXPAY_STATE_PAID,
                                     FLEXPAY_STATE_FAILED,    FLEXPAY_STATE_CANCELLED,
                                     FLEXPAY_STATE_REFUNDING, FLEXPAY_STATE_REFUNDED};
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++)
        if (strcmp(name, flexpay_state_name(states[i])) == 0)
            return states[i];
    return FLEXPAY_STATE_UNKNOWN;
}

/* Callbacks arrive twice, late and out of order: record a new state only if it may follow. */
static bool may_record(const char *recorded, int32_t now)
{
    bool may = flexpay_state_may_replace(state_from_name(recorded), now) == 1;
    if (may)
        printf("Record %s.\n", flexpay_state_name(now));
    else
        printf("UNCHANGED: the gateway reports %s. Leave %s recorded, and do nothing.\n",
               flexpay_state_name(now), recorded);
    return may;
}

/* What was paid is delivered by the one program whose acknowledgement has changed == 1, whichever program learnt
 * first that it is paid. */
static enum verdict deliver(const flexpay_client *client, const char *reference)
{
    flexpay_settlement *payment;
    flexpay_error *error;
    if (flexpay_journal_acknowledge(client, reference, &payment, &error) != FLEXPAY_OK) {
        printf("PAID, but this could not be recorded. Deliver nothing, and post the callback again.\n");
        if (error != NULL)
            print_text(flexpay_result_name(error->code), error->message);
        flexpay_error_free(error);
        return UNKNOWN;
    }
    bool is_first = payment->changed == 1;
    if (is_first)
        printf("PAID: the gateway confirms it, for %s %s. Deliver %s now.\n", payment->amount,
               payment->currency, payment->reference);
    else
        printf("PAID: the goods of %s were delivered before. Do nothing.\n", payment->reference);
    flexpay_settlement_free(payment);
    return is_first ? PAID : DELIVERED;
}

/* Says what the journal has now. */
static enum verdict report(const flexpay_client *client, const flexpay_settlement *payment)
{
    const char *state = flexpay_entry_state_name(payment->state);
    if (payment->to_deliver)
        return deliver(client, payment->reference);
    if (payment->state == FLEXPAY_ENTRY_PAID && payment->kind == FLEXPAY_KIND_PAYOUT) {
        printf("PAID: the beneficiary of %s has the money. Do nothing.\n", payment->reference);
        return UNCHANGED;
    }
    if (payment->state == FLEXPAY_ENTRY_PAID) {
        printf("PAID: the goods of %s were delivered before. Do nothing.\n", payment->reference);
        return DELIVERED;
    }
    if (!payment->changed) {
        printf("UNCHANGED: %s is %s, as recorded. Do nothing.\n", payment->reference, state);
        return UNCHANGED;
    }
    printf("%s: the gateway reports it for %s. Deliver nothing.\n", state, payment->reference);
    return payment->is_open ? UNKNOWN : NOT_PAID;
}

/* Verifies the callback against the journal, which records the state. */
static enum verdict settle(const flexpay_client *client, const uint8_t *body, size_t length)
{
    flexpay_settlement *payment;
    flexpay_error *error;
    enum verdict verdict = UNKNOWN;
    if (flexpay_settle_callback(client, body, length, getenv("QUERY_STRING"), &payment, &error) !=
        FLEXPAY_OK) {
        if (error != NULL && error->code == FLEXPAY_ERROR_INVALID && error->field != NULL &&
            strcmp(error->field, "reference") == 0) {
            printf("REFUSED: the journal does not have this payment. Deliver nothing.\n");
            verdict = NOT_PAID;
        } else {
            verdict = explain(error);
        }
        flexpay_error_free(error);
        return verdict;
    }
    verdict = report(client, payment);
    flexpay_settlement_free(payment);
    return verdict;
}

int main(int argc, char **argv)
{
    /* The library refuses a body over 64 KiB, so one byte more is enough. */
    static uint8_t body[64 * 1024 + 1];
    flexpay_client *client = NULL;
    flexpay_transaction *transaction = NULL;
    flexpay_error *error = NULL;
    enum verdict verdict;
    int32_t kind = FLEXPAY_KIND_CARD;

    if (argc > 2 && strcmp(argv[1], "--kind") == 0) {
        kind = kind_from_name(argv[2]);
        argc -= 2;
        argv += 2;
    }
    if ((argc != 1 && argc < 4) || argc > 6 || kind < 0) {
        fprintf(stderr, "usage: callback < BODY\n"
                        "       callback [--kind card|mobile|payout] "
                        "REFERENCE AMOUNT CURRENCY [ORDER_NUMBER [STATE]] < BODY\n");
        return UNKNOWN;
    }
    flexpay_expected expected = FLEXPAY_EXPECTED_INIT;
    expected.reference = argc > 1 ? argv[1] : NULL;
    expected.amount = argc > 2 ? argv[2] : NULL;
    expected.currency = argc > 3 ? argv[3] : NULL;
    expected.order_number = argc > 4 ? argv[4] : NULL;
    expected.query = getenv("QUERY_STRING");
    expected.kind = kind;

    size_t length = fread(body, 1, sizeof body, stdin);
    show_claim(body, length);
    if (flexpay_client_from_env(&client, &error) != FLEXPAY_OK) {
        verdict = explain(error);
    } else if (argc == 1) {
        verdict = settle(client, body, length);
    } else if (flexpay_verify_callback(client, body, length, &expected, &transaction, &error) ==
               FLEXPAY_OK) {
        bool changed = argc <= 5 || may_record(argv[5], transaction->state);
        verdict = changed ? conclude(transaction, kind) : UNCHANGED;
    } else {
        verdict = explain(error);
    }

    flexpay_error_free(error);
    flexpay_transaction_free(transaction);
    flexpay_client_free(client);
    return verdict;
}
