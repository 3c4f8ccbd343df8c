/*
 * till.c: a till that takes payments by card and by mobile money, and survives a crash and a power cut.
 *
 *     till [--address-file PATH] [--mobile PHONE] [AMOUNT [CURRENCY [REFERENCE]]]
 *     till --reconcile
 *
 * First it finds out what became of the sales that it has recorded: it hands over what was paid meanwhile,
 * and shows what nobody can know. With --reconcile it ends here. Then it sells: asks for the amount, the
 * currency and "carte ou mobile ?" if it has no arguments, and requests the payment. For a card, it shows the
 * address of the card page; for mobile money, the customer receives a message on the phone. It waits for the
 * customer, and prints a receipt or what the cashier should do instead.
 *
 * Every sale is in the journal, a file, before its request is sent. So the till may lose power at any moment:
 * no customer is charged twice, no payment is forgotten, and nothing is handed over twice.
 *
 * Exit status: 0 paid: hand over the goods; 1 not paid; 2 unknown: the customer may have paid, or may still pay;
 * 3 paid, and the goods were handed over before, or just now with the recorded sales. With --reconcile: 0 nothing
 * is in doubt; 1 the journal cannot be used; 2 a sale is in doubt.
 *
 * Environment: that of flexpay_client_from_env (FLEXPAY_MERCHANT, FLEXPAY_TOKEN, ...; for cards,
 * FLEXPAY_API should be v1.1, which returns an order number to wait for), and
 *   FLEXPAY_JOURNAL            the journal: /var/lib/till/flexpay.db. Required.
 *   FLEXPAY_TILL_WAIT_S        how long to wait for the customer, in seconds (300)
 *   FLEXPAY_TILL_GRACE_S       how long "failed" must last to be final, in seconds (by default 30
 *                              by card, 90 by phone)
 *   FLEXPAY_TILL_CALLBACK_URL  and ..._APPROVE_URL, _CANCEL_URL, _DECLINE_URL, _HOME_URL: addresses
 *                              of the shop
 *
 * Build: cc -std=c99 -D_POSIX_C_SOURCE=200809L till.c $(pkg-config --cflags --libs flexpay) -pthread -o till
 * On Windows: x86_64-w64-mingw32-gcc -std=c99 till.c -I. libflexpay.dll.a -o till.exe, or with MSVC
 *             cl /std:c11 /utf-8 till.c flexpay.lib advapi32.lib
 */

#include <ctype.h>
#include <errno.h>
#include <flexpay.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#ifdef _WIN32
#include <windows.h>

#include <io.h>
#include <ntsecapi.h> /* after windows.h */
#else
#include <pthread.h>
#include <unistd.h>
#endif

enum verdict { PAID = 0, NOT_PAID = 1, UNKNOWN = 2, DELIVERED = 3 };

struct sale {
    const char *amount, *currency, *reference;
    const char *phone; /* the customer's number, as typed; NULL: by card */
    const char *address_file; /* where to write the card page's address, for scripts; or NULL */
    uint32_t wait_s, grace_s;
};

/* Prints a text of the gateway, unless it is NULL. Replaces control characters, which a terminal could
 * execute as commands. */
static void print_text(const char *label, const char *text)
{
    if (text == NULL)
        return;
    printf("  %-14s ", label);
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        putchar(c < 0x20 || c == 0x7f ? '?' : c);
    }
    putchar('\n');
}

static void print_error(const flexpay_error *error)
{
    if (error != NULL) /* NULL only after a bug in the library */
        print_text(flexpay_result_name(error->code), error->message);
}

static const char *setting(const char *name, const char *fallback)
{
    const char *value = getenv(name);
    return value != NULL && *value != '\0' ? value : fallback;
}

/* ---- The system ------------------------------------------------------------------------------ */

/* What a thread waits for while the till counts down. */
struct waiting {
    const flexpay_client *client;
    const char *reference;
    flexpay_wait_options options;
    flexpay_result result;
    flexpay_settlement *settlement;
    flexpay_error *error;
#ifdef _WIN32
    HANDLE thread;
#else
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t finished_changed;
    bool finished;
#endif
};

static void wait_for_result(struct waiting *waiting)
{
    waiting->result = flexpay_settle(waiting->client, waiting->reference, &waiting->options,
                                     &waiting->settlement, &waiting->error);
}

#ifdef _WIN32

static bool random_bytes(void *bytes, size_t count)
{
    return RtlGenRandom(bytes, (ULONG)count);
}

static bool is_terminal(void)
{
    return _isatty(_fileno(stdout)) != 0;
}

static DWORD WINAPI run_thread(void *waiting)
{
    wait_for_result(waiting);
    return 0;
}

static bool start_thread(struct waiting *waiting)
{
    waiting->thread = CreateThread(NULL, 0, run_thread, waiting, 0, NULL);
    return waiting->thread != NULL;
}

static bool finishes_within_a_second(struct waiting *waiting)
{
    return WaitForSingleObject(waiting->thread, 1000) == WAIT_OBJECT_0;
}

static void end_thread(struct waiting *waiting)
{
    WaitForSingleObject(waiting->thread, INFINITE);
    CloseHandle(waiting->thread);
}

#else

static bool random_bytes(void *bytes, size_t count)
{
    FILE *source = fopen("/dev/urandom", "rb");
    bool ok = source != NULL && fread(bytes, count, 1, source) == 1;
    if (source != NULL)
        fclose(source);
    return ok;
}

static bool is_terminal(void)
{
    return isatty(STDOUT_FILENO) != 0;
}

static void *run_thread(void *argument)
{
    struct waiting *waiting = argument;
    wait_for_result(waiting);
    pthread_mutex_lock(&waiting->lock);
    waiting->finished = true;
    pthread_cond_signal(&waiting->finished_changed);
    pthread_mutex_unlock(&waiting->lock);
    return NULL;
}

static bool start_thread(struct waiting *waiting)
{
    pthread_mutex_init(&waiting->lock, NULL);
    pthread_cond_init(&waiting->finished_changed, NULL);
    waiting->finished = false;
    return pthread_create(&waiting->thread, NULL, run_thread, waiting) == 0;
}

static bool finishes_within_a_second(struct waiting *waiting)
{
    struct timespec end;
    clock_gettime(CLOCK_REALTIME, &end); /* the clock that pthread_cond_timedwait uses */
    end.tv_sec += 1;
    pthread_mutex_lock(&waiting->lock);
    while (!waiting->finished &&
           pthread_cond_timedwait(&waiting->finished_changed, &waiting->lock, &end) != ETIMEDOUT)
        ;
    bool finished = waiting->finished;
    pthread_mutex_unlock(&waiting->lock);
    return finished;
}

static void end_thread(struct waiting *waiting)
{
    pthread_join(waiting->thread, NULL);
}

#endif

/* ---- Delivery -------------------------------------------------------------------------------- */

static void print_receipt(const flexpay_settlement *sale)
{
    static const char line[] = "  ----------------------------------------";
    puts(line);
    print_text("Merchant", setting("FLEXPAY_MERCHANT", ""));
    print_text("Reference", sale->reference);
    print_text("Order number", sale->order_number);
    print_text("Date", sale->changed_at);
    print_text("Phone", sale->phone);
    print_text("Currency", sale->currency);
    print_text("Amount", sale->amount);
    printf("%s\n  PAID. Thank you!\n%s\n", line, line);
}

/* Hands over what was paid. It is acknowledged first: of several tills, and after a restart, only one gets
 * changed == 1. If the till stops right after that, no receipt is printed, and the journal shows PAID. */
static enum verdict deliver(const flexpay_client *client, const char *reference)
{
    flexpay_settlement *sale;
    flexpay_error *error;
    if (flexpay_journal_acknowledge(client, reference, &sale, &error) != FLEXPAY_OK) {
        printf("PAID, but this could not be recorded: start the till again before you hand anything over.\n");
        print_error(error);
        flexpay_error_free(error);
        return UNKNOWN;
    }
    bool is_first = sale->changed == 1;
    if (is_first) {
        print_receipt(sale);
        printf("Hand over the goods of %s.\n", sale->reference);
    } else {
        printf("PAID. The goods of %s were recorded as handed over at %s. Hand over nothing now.\n",
               sale->reference, sale->changed_at);
    }
    fflush(stdout);
    flexpay_settlement_free(sale);
    return is_first ? PAID : DELIVERED;
}

/* ---- After a start --------------------------------------------------------------------------- */

/* Nobody knows whether the gateway has the request. The callback program, or a person, resolves it. */
static void explain_doubt(const flexpay_settlement *sale)
{
    printf("IN DOUBT: %s, %s %s, begun at %s.\nIts reply was lost, or the till stopped before it.\n",
           sale->reference, sale->amount, sale->currency, sale->created_at);
    printf("Do NOT charge again. Wait for the callback, or look for the reference in the FlexPay console.\n");
}

/* Finds out what became of the sales in the journal, and hands over what was paid. Returns whether the till
 * may sell. */
static bool catch_up(const flexpay_client *client, bool *in_doubt)
{
    flexpay_reconcile_options options = FLEXPAY_RECONCILE_OPTIONS_INIT;
    flexpay_settlements *sales;
    flexpay_error *error;
    options.timeout_ms = 60000; /* the cashier waits */
    if (flexpay_reconcile(client, &options, &sales, &error) != FLEXPAY_OK) {
        printf("The till cannot sell: its journal cannot be used.\n");
        print_error(error);
        flexpay_error_free(error);
        return false;
    }
    *in_doubt = false;
    for (size_t at = 0; at < sales->count; at++) {
        const flexpay_settlement *sale = sales->items[at];
        if (sale->kind == FLEXPAY_KIND_PAYOUT)
            continue; /* the program for payouts may share the journal */
        if (sale->to_deliver) {
            printf("Paid, and not handed over yet: %s\n", sale->reference);
            deliver(client, sale->reference);
        } else if (sale->state == FLEXPAY_ENTRY_IN_DOUBT) {
            explain_doubt(sale);
            *in_doubt = true;
        } else if (sale->changed) {
            printf("%s is now %s.\n", sale->reference, flexpay_entry_state_name(sale->state));
        }
    }
    if (sales->stopped != NULL)
        print_text("Not all checked", sales->stopped); /* no network: the next start asks again */
    fflush(stdout);
    flexpay_settlements_free(sales);
    return true;
}

/* ---- The sale -------------------------------------------------------------------------------- */

static const char *prompt(const char *label, const char *fallback, char *input, int size)
{
    printf(*fallback != '\0' ? "%s [%s]: " : "%s: ", label, fallback);
    fflush(stdout);
    if (fgets(input, size, stdin) == NULL)
        return fallback;
    input[strcspn(input, "\r\n")] = '\0';
    return input[0] != '\0' ? input : fallback;
}

/* A reference is used once. So no two tills may make the same one: it needs random digits as well as the
 * time. */
static const char *make_reference(void)
{
    static char reference[32];
    uint32_t random_bits = 0;
    time_t now = time(NULL);
    bool ok = random_bytes(&random_bits, sizeof random_bits);
    size_t length = strftime(reference, sizeof reference, "T%Y%m%d%H%M%S", localtime(&now));
    snprintf(reference + length, sizeof reference - length, "-%08lx", (unsigned long)random_bits);
    return ok ? reference : NULL;
}

/* Returns false if the variable is set to something else than a number of seconds. */
static bool seconds_setting(const char *name, uint32_t fallback, uint32_t *seconds)
{
    const char *text = setting(name, NULL);
    char *end;
    *seconds = fallback;
    if (text == NULL)
        return true;
    long value = strtol(text, &end, 10);
    bool ok = *end == '\0' && value >= 1 && value <= 24 * 60 * 60;
    *seconds = (uint32_t)value;
    if (!ok)
        fprintf(stderr, "till: %s must be a number of seconds from 1 to 86400\n", name);
    return ok;
}

/* Whether an answer is a word, or the beginning of it, in either case. */
static bool begins(const char *word, const char *answer)
{
    while (*answer != '\0' && tolower((unsigned char)*answer) == *word)
        answer++, word++;
    return *answer == '\0';
}

/* Asks until the answer is "carte" or "mobile", or the beginning of one of them. The default is "carte". */
static bool is_by_phone(void)
{
    char input[16];
    for (;;) {
        const char *answer = prompt("Carte ou mobile ?", "carte", input, sizeof input);
        if (begins("mobile", answer))
            return true;
        if (begins("carte", answer))
            return false;
    }
}

/* Asks until the number is one of the country. Returns it as typed; "" if nothing is typed. */
static const char *read_phone(void)
{
    static char input[32];
    char normalized[FLEXPAY_PHONE_SIZE];
    flexpay_error *error;
    for (;;) {
        const char *phone = prompt("Phone of the customer", "", input, sizeof input);
        if (*phone == '\0' ||
            flexpay_normalize_phone(phone, normalized, sizeof normalized, &error) == FLEXPAY_OK)
            return phone;
        print_text(flexpay_result_name(error->code), error->message);
        flexpay_error_free(error);
    }
}

/* The library validates the amount, the currency and the phone number. */
static bool read_sale(struct sale *sale, int argc, char **argv)
{
    static char amount[32], currency[8];
    sale->address_file = sale->phone = NULL;
    for (; argc > 2 && strncmp(argv[1], "--", 2) == 0; argc -= 2, argv += 2) {
        if (strcmp(argv[1], "--address-file") == 0)
            sale->address_file = argv[2];
        else if (strcmp(argv[1], "--mobile") == 0)
            sale->phone = argv[2];
        else
            break;
    }
    if (argc > 4 || (argc > 1 && argv[1][0] == '-')) {
        fprintf(stderr, "usage: till [--address-file PATH] [--mobile PHONE] "
                        "[AMOUNT [CURRENCY [REFERENCE]]]\n       till --reconcile\n");
        return false;
    }
    sale->amount = argc > 1 ? argv[1] : prompt("Amount", "", amount, sizeof amount);
    sale->currency = argc > 2   ? argv[2]
                     : argc > 1 ? "USD"
                                : prompt("Currency", "USD", currency, sizeof currency);
    if (argc == 1 && sale->phone == NULL && is_by_phone())
        sale->phone = read_phone();
    sale->reference = argc > 3 ? argv[3] : make_reference();
    if (sale->reference == NULL)
        fprintf(stderr, "till: cannot make a reference\n");
    return sale->reference != NULL && seconds_setting("FLEXPAY_TILL_WAIT_S", 300, &sale->wait_s) &&
           seconds_setting("FLEXPAY_TILL_GRACE_S", 0, &sale->grace_s); /* 0: the library's default */
}

/* ---- The payment request --------------------------------------------------------------------- */

static const char *callback_url(void)
{
    return setting("FLEXPAY_TILL_CALLBACK_URL", "https://boutique.example/flexpay/callback");
}

static flexpay_result request_by_card(const flexpay_client *client, const struct sale *sale,
                                      flexpay_payment **payment, flexpay_error **error)
{
    flexpay_payment_request request = FLEXPAY_PAYMENT_REQUEST_INIT;
    request.reference = sale->reference;
    request.amount = sale->amount;
    request.currency = sale->currency;
    request.description = "Achat en boutique";
    request.callback_url = callback_url();
    request.approve_url = setting("FLEXPAY_TILL_APPROVE_URL", "https://boutique.example/merci");
    request.cancel_url = setting("FLEXPAY_TILL_CANCEL_URL", "https://boutique.example/annule");
    request.decline_url = setting("FLEXPAY_TILL_DECLINE_URL", "https://boutique.example/refuse");
    request.home_url = setting("FLEXPAY_TILL_HOME_URL", "https://boutique.example/");
    return flexpay_pay(client, &request, payment, error);
}

static flexpay_result request_by_phone(const flexpay_client *client, const struct sale *sale,
                                       flexpay_payment **payment, flexpay_error **error)
{
    flexpay_mobile_request request = FLEXPAY_MOBILE_REQUEST_INIT;
    request.reference = sale->reference;
    request.amount = sale->amount;
    request.currency = sale->currency;
    request.phone = sale->phone;
    request.description = "Achat en boutique";
    request.callback_url = callback_url();
    return flexpay_pay_mobile(client, &request, payment, error);
}

static flexpay_result request_payment(const flexpay_client *client, const struct sale *sale,
                                      flexpay_payment **payment, flexpay_error **error)
{
    printf("Requesting %s %s, reference %s ...\n", sale->amount, sale->currency, sale->reference);
    fflush(stdout);
    return sale->phone != NULL ? request_by_phone(client, sale, payment, error)
                               : request_by_card(client, sale, payment, error);
}

static bool write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    bool written = file != NULL && fputs(text, file) >= 0;
    if (file != NULL)
        written = fclose(file) == 0 && written;
    if (!written)
        fprintf(stderr, "till: %s: %s\n", path, strerror(errno));
    return written;
}

/* The gateway usually returns an address, but sometimes only the page itself. */
static void show_card_page(const flexpay_payment *payment, const struct sale *sale)
{
    if (payment->redirect_url != NULL) {
        printf("The customer pays here:\n\n  %s\n\n", payment->redirect_url);
        fflush(stdout);
        if (sale->address_file != NULL)
            write_file(sale->address_file, payment->redirect_url);
    } else if (payment->page != NULL) {
        char path[80];
        snprintf(path, sizeof path, "flexpay-%.60s.html", sale->reference);
        for (char *c = path; *c != '\0'; c++)
            if (*c == '/')
                *c = '_';
        if (write_file(path, payment->page))
            printf("The gateway returned a page, not an address: open %s in a browser.\n", path);
    }
}

/* There is no page: the gateway sends a message to the phone. */
static void show_phone(const flexpay_payment *payment, const struct sale *sale)
{
    char number[FLEXPAY_PHONE_SIZE]; /* as sent; it cannot fail here: the request was accepted */
    flexpay_normalize_phone(sale->phone, number, sizeof number, NULL);
    printf("The customer receives a message on the phone %s, and confirms with the PIN.\n", number);
    print_text("Order number", payment->order_number);
    print_text("FlexPay", payment->message);
    putchar('\n');
    fflush(stdout);
}

/* ---- Waiting --------------------------------------------------------------------------------- */

static flexpay_cancel_token *interrupted; /* created before the handler is installed, freed after it is removed */

static void on_interrupt(int signal)
{
    (void)signal; /* cancelling is one atomic store: allowed in a signal handler */
    flexpay_cancel_token_cancel(interrupted);
}

/* Shows the remaining time until the wait ends: every second on a terminal; otherwise (a log) at the
 * beginning and every 30 seconds. */
static void count_down(struct waiting *waiting, uint32_t seconds)
{
    bool terminal = is_terminal();
    uint32_t passed = 0;
    do {
        uint32_t left = passed < seconds ? seconds - passed : 0;
        if (terminal || passed % 30 == 0)
            printf("Waiting for the customer: %u:%02u left (Ctrl-C stops waiting)%s",
                   (unsigned)left / 60, (unsigned)left % 60, terminal ? " \r" : "\n");
        fflush(stdout);
        passed++;
    } while (!finishes_within_a_second(waiting));
    printf(terminal ? "\n\n" : "\n");
}

static flexpay_result wait_for_customer(const flexpay_client *client, const struct sale *sale,
                                        flexpay_settlement **settlement, flexpay_error **error)
{
    struct waiting waiting = {.client = client,
                              .reference = sale->reference,
                              .options = FLEXPAY_WAIT_OPTIONS_INIT};
    void (*before)(int);

    if (flexpay_cancel_token_new(&interrupted, error) != FLEXPAY_OK)
        return FLEXPAY_ERROR_INTERNAL;
    waiting.options.timeout_ms = sale->wait_s * 1000;
    waiting.options.failed_grace_ms = sale->grace_s * 1000;
    waiting.options.cancel = interrupted;
    before = signal(SIGINT, on_interrupt); /* a second Ctrl-C ends the till: the sale is in the journal */
    if (start_thread(&waiting)) {
        count_down(&waiting, sale->wait_s);
        end_thread(&waiting);
    } else {
        wait_for_result(&waiting); /* without a countdown */
    }
    signal(SIGINT, before);
    flexpay_cancel_token_free(interrupted);
    *settlement = waiting.settlement;
    *error = waiting.error;
    return waiting.result;
}

/* ---- Messages for the cashier ---------------------------------------------------------------- */

static const char *advice(int32_t code)
{
    switch (code) {
    case FLEXPAY_ERROR_INVALID: return "Correct what is named above.";
    case FLEXPAY_ERROR_RESOLVE:
    case FLEXPAY_ERROR_CONNECT: return "Check the network.";
    case FLEXPAY_ERROR_PROXY: return "Check the network and the proxy settings.";
    case FLEXPAY_ERROR_TLS: return "Check the date of this machine, and call your technician.";
    case FLEXPAY_ERROR_JOURNAL: return "Call the manager: the till cannot write its journal.";
    case FLEXPAY_ERROR_UNAUTHORIZED: return "Call the manager: FlexPay refuses the shop's token.";
    case FLEXPAY_ERROR_REFUSED:
        return "Correct the cause; if the reference was used before, check that payment first.";
    default: return "If this continues, call the manager.";
    }
}

/* What the cashier tells the customer while nobody knows whether the payment succeeded. */
static enum verdict unknown(const char *reason)
{
    printf("UNKNOWN: en cours de confirmation. %s\n", reason);
    return UNKNOWN;
}

/* The payment request failed. The outcome of the error, not its code, says whether to retry. */
static enum verdict explain_request(const flexpay_error *error, const struct sale *sale)
{
    int32_t outcome = error != NULL ? error->outcome : FLEXPAY_OUTCOME_UNKNOWN;
    switch (outcome) {
    case FLEXPAY_OUTCOME_NOT_SENT:
        printf("NOT PAID: nothing was sent.\n");
        print_error(error);
        printf("%s Then you may try again.\n", advice(error->code));
        return NOT_PAID;
    case FLEXPAY_OUTCOME_REFUSED:
        printf("NOT PAID: the gateway refused the request.\n");
        print_error(error);
        printf("%s\n", advice(error->code));
        return NOT_PAID;
    default: /* UNKNOWN, or a value of a later version */
        unknown("The gateway may have the request, but there is no usable reply.");
        print_error(error);
        if (sale->phone != NULL)
            printf("The customer may have received the message, and can confirm it.\n");
        printf("Do NOT charge again. Look for the reference %s in the FlexPay console first.\n",
               sale->reference);
        return UNKNOWN;
    }
}

/* The wait failed. The payment request was accepted, so the customer may have paid. */
static enum verdict explain_wait(const flexpay_error *error, const struct sale *sale)
{
    int32_t code = error != NULL ? error->code : FLEXPAY_ERROR_INTERNAL;
    if (code == FLEXPAY_ERROR_MISMATCH)
        printf("UNKNOWN: this is not the payment that you requested. Deliver nothing.\n");
    else
        unknown(code == FLEXPAY_ERROR_CANCELLED ? "You stopped waiting. The customer can still pay."
                : code == FLEXPAY_ERROR_TIMEOUT ? "The time is over. The customer can still pay."
                                                : "The gateway could not be asked. The customer can "
                                                  "still pay.");
    print_error(error);
    printf("Do NOT charge again. The till asks about %s again when it starts.\n", sale->reference);
    return UNKNOWN;
}

static enum verdict conclude(const flexpay_client *client, const struct sale *sale,
                             const flexpay_settlement *settlement)
{
    switch (settlement->state) {
    case FLEXPAY_ENTRY_PAID:
        return deliver(client, sale->reference);
    case FLEXPAY_ENTRY_FAILED:
        if (sale->phone != NULL)
            printf("NOT PAID: the customer refused, did not confirm in time, or has not enough money.\n"
                   "Offer cash, or start a new sale with a new reference.\n");
        else
            printf("NOT PAID: the card was declined. Offer cash, or another card in a new sale with a\n"
                   "new reference.\n");
        break;
    case FLEXPAY_ENTRY_CANCELLED:
        printf("NOT PAID: the customer cancelled. To try again, start a new sale.\n");
        break;
    case FLEXPAY_ENTRY_REFUNDING:
    case FLEXPAY_ENTRY_REFUNDED:
        printf("NOT PAID: the payment was refunded, or is being refunded. Ask the manager why.\n");
        break;
    default: /* ACCEPTED without an order number, or a state of a later version: never treat it as paid */
        unknown("There is no order number to ask about: wait for the callback.");
        printf("Do NOT charge again before it.\n");
        return UNKNOWN;
    }
    print_text("Order number", settlement->order_number);
    return NOT_PAID;
}

/* Whether a sale that was requested before is still to be paid. catch_up asked the gateway a moment ago. */
static bool is_to_pay(const flexpay_client *client, const char *reference)
{
    flexpay_settlement *sale;
    bool to_pay = flexpay_journal_get(client, reference, &sale, NULL) == FLEXPAY_OK &&
                  sale->state == FLEXPAY_ENTRY_ACCEPTED;
    flexpay_settlement_free(sale);
    return to_pay;
}

/* Requests the payment, waits for the customer, and hands over the goods. */
static enum verdict sell(const flexpay_client *client, const struct sale *sale)
{
    flexpay_payment *payment = NULL;
    flexpay_settlement *settlement = NULL;
    flexpay_error *error = NULL;
    enum verdict verdict;
    if (request_payment(client, sale, &payment, &error) != FLEXPAY_OK) {
        verdict = explain_request(error, sale);
    } else {
        if (payment->is_recorded)
            printf("This sale was requested before. Nothing was sent now.\n");
        if (sale->phone == NULL && (!payment->is_recorded || is_to_pay(client, sale->reference)))
            show_card_page(payment, sale);
        if (sale->phone != NULL && !payment->is_recorded)
            show_phone(payment, sale);
        if (wait_for_customer(client, sale, &settlement, &error) == FLEXPAY_OK)
            verdict = conclude(client, sale, settlement);
        else
            verdict = explain_wait(error, sale);
    }
    flexpay_error_free(error);
    flexpay_settlement_free(settlement);
    flexpay_payment_free(payment);
    return verdict;
}

/* ---- The program ----------------------------------------------------------------------------- */

int main(int argc, char **argv)
{
    struct sale sale;
    flexpay_client *client;
    flexpay_error *error;
    enum verdict verdict;
    bool in_doubt;

    if (flexpay_client_from_env(&client, &error) != FLEXPAY_OK) {
        print_error(error);
        flexpay_error_free(error);
        return NOT_PAID;
    }
    if (!catch_up(client, &in_doubt))
        verdict = NOT_PAID;
    else if (argc == 2 && strcmp(argv[1], "--reconcile") == 0)
        verdict = in_doubt ? UNKNOWN : PAID;
    else /* an earlier sale in doubt does not keep the till from the next customer */
        verdict = read_sale(&sale, argc, argv) ? sell(client, &sale) : NOT_PAID;
    flexpay_client_free(client);
    return verdict;
}
