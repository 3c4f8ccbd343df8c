/* Payments through a journal: what is sent, what is recorded, and what a second call gets. */

#include "sandbox.h"
#include "test.h"

#include <stdlib.h>
#include <unistd.h>

static flexpay_client *client;

/* The state that is recorded for a reference. */
static int32_t recorded_state(const char *reference)
{
    flexpay_settlement *entry;
    CHECK_INT(FLEXPAY_OK, flexpay_journal_get(client, reference, &entry, NULL));
    int32_t state = entry != NULL ? entry->state : -1;
    flexpay_settlement_free(entry);
    return state;
}

/* Checks the result of a call that fails, and frees its error. */
static void fails(flexpay_result expected, int32_t outcome, const char *field, flexpay_result result,
                  flexpay_error *error)
{
    CHECK_INT(expected, result);
    CHECK(error != NULL);
    if (error != NULL) {
        CHECK_INT(expected, error->code);
        CHECK_INT(outcome, error->outcome);
        CHECK_STR(field, error->field);
    }
    flexpay_error_free(error);
}

/* Checks the result of a call that settles. Returns the entry. */
static flexpay_settlement *settled(int32_t state, int changed, flexpay_result result,
                                   flexpay_settlement *entry, flexpay_error *error)
{
    CHECK_INT(FLEXPAY_OK, result);
    if (error != NULL)
        printf("%s\n", error->message);
    flexpay_error_free(error);
    CHECK(entry != NULL);
    if (entry != NULL) {
        CHECK_INT(state, entry->state);
        CHECK_INT(changed, entry->changed);
    }
    return entry;
}

static void settles(int32_t state, int changed, const char *reference)
{
    flexpay_settlement *entry;
    flexpay_error *error;
    flexpay_result result = flexpay_settle(client, reference, NULL, &entry, &error);
    flexpay_settlement_free(settled(state, changed, result, entry, error));
}

/* A payment that the customer has not paid yet. Returns its order number; free it with free(). */
static char *accepted(flexpay_payment_request *request)
{
    flexpay_payment *payment;
    CHECK_INT(FLEXPAY_OK, flexpay_pay(client, request, &payment, NULL));
    CHECK(payment != NULL && payment->is_recorded == 0);
    flexpay_payment_free(payment);
    return sandbox_order_of(request->reference);
}

static void repeated(const char *journal)
{
    flexpay_payment_request request = sandbox_request();
    flexpay_payment *first, *second;
    flexpay_settlement *entry;
    CHECK_INT(FLEXPAY_OK, flexpay_pay(client, &request, &first, NULL));
    /* As after a restart: another client, with the same file. */
    flexpay_client *restarted = sandbox_journal_client(journal);
    CHECK_INT(FLEXPAY_OK, flexpay_pay(restarted, &request, &second, NULL));
    flexpay_client_free(restarted);
    CHECK(first != NULL && second != NULL);
    if (first == NULL || second == NULL)
        return;
    CHECK_INT(0, first->is_recorded);
    CHECK_INT(1, second->is_recorded);
    CHECK(first->redirect_url != NULL && first->order_number != NULL);
    CHECK_STR(first->redirect_url, second->redirect_url);
    CHECK_STR(first->order_number, second->order_number);
    CHECK_STR(first->code, second->code);
    CHECK_STR(first->message, second->message);
    CHECK_INT(1, sandbox_requests_with(request.reference));

    CHECK_INT(FLEXPAY_OK, flexpay_journal_get(client, request.reference, &entry, NULL));
    if (entry != NULL) {
        CHECK_STR(request.reference, entry->reference);
        CHECK_INT(FLEXPAY_KIND_CARD, entry->kind);
        CHECK_INT(FLEXPAY_ENTRY_ACCEPTED, entry->state);
        CHECK_INT(0, entry->changed);
        CHECK_INT(0, entry->to_deliver);
        CHECK_INT(1, entry->is_open);
        CHECK_STR("25.50", entry->amount);
        CHECK_STR("USD", entry->currency);
        CHECK_STR(NULL, entry->phone);
        CHECK_STR(first->order_number, entry->order_number);
        CHECK_STR(NULL, entry->other_order_number);
        CHECK_STR(first->redirect_url, entry->redirect_url);
        CHECK_STR(NULL, entry->page);
        CHECK_STR("ACCEPTED", entry->last_answer);
        CHECK_STR(NULL, entry->resolved_by);
        CHECK_STR(NULL, entry->resolved_why);
        CHECK_INT(strlen("2026-11-27T18:36:21Z"), strlen(entry->created_at));
        CHECK_INT(strlen("2026-11-27T18:36:21Z"), strlen(entry->changed_at));
        CHECK_STR(NULL, entry->problem);
    }
    flexpay_settlement_free(entry);
    flexpay_payment_free(first);
    flexpay_payment_free(second);
}

static void other_terms(void)
{
    flexpay_mobile_request mobile = sandbox_mobile_request();
    flexpay_payment *payment;
    flexpay_error *error;
    CHECK_INT(FLEXPAY_OK, flexpay_pay_mobile(client, &mobile, NULL, NULL));

    mobile.amount = "25.51";
    flexpay_result result = flexpay_pay_mobile(client, &mobile, &payment, &error);
    CHECK(payment == NULL);
    fails(FLEXPAY_ERROR_INVALID, FLEXPAY_OUTCOME_NOT_SENT, "amount", result, error);
    mobile.amount = "25.5"; /* the same amount, written in another way */
    mobile.currency = "CDF";
    result = flexpay_pay_mobile(client, &mobile, NULL, &error);
    fails(FLEXPAY_ERROR_INVALID, FLEXPAY_OUTCOME_NOT_SENT, "currency", result, error);
    mobile.currency = "USD";
    mobile.phone = "0812345679";
    result = flexpay_pay_mobile(client, &mobile, NULL, &error);
    fails(FLEXPAY_ERROR_INVALID, FLEXPAY_OUTCOME_NOT_SENT, "phone", result, error);
    mobile.phone = "+243 81 234 56 78"; /* the same number */
    flexpay_payout_request payout = sandbox_payout_request();
    payout.reference = mobile.reference = sandbox_reference();
    CHECK_INT(FLEXPAY_OK, flexpay_pay_mobile(client, &mobile, NULL, NULL));
    result = flexpay_payout(client, &payout, NULL, &error);
    fails(FLEXPAY_ERROR_INVALID, FLEXPAY_OUTCOME_NOT_SENT, "kind", result, error);
    CHECK_INT(FLEXPAY_OK, flexpay_pay_mobile(client, &mobile, &payment, NULL));
    CHECK_INT(1, payment != NULL ? payment->is_recorded : -1);
    flexpay_payment_free(payment);
    CHECK_INT(1, sandbox_requests_with(mobile.reference));
}

/* The gateway has the request, and its reply does not arrive. */
static void lost_reply(void)
{
    flexpay_payment_request request = sandbox_request();
    flexpay_settlement *entry;
    flexpay_error *error;
    char body[256];
    sandbox_fault("{\"on\":\"pay\",\"action\":{\"kind\":\"reset_after_reading\"}}");
    flexpay_result result = flexpay_pay(client, &request, NULL, &error);
    fails(FLEXPAY_ERROR_CONNECTION, FLEXPAY_OUTCOME_UNKNOWN, NULL, result, error);
    result = flexpay_pay(client, &request, NULL, &error);
    fails(FLEXPAY_ERROR_IN_DOUBT, FLEXPAY_OUTCOME_UNKNOWN, NULL, result, error);
    CHECK_INT(1, sandbox_requests_with(request.reference));
    /* Without an order number, the gateway cannot be asked. */
    settles(FLEXPAY_ENTRY_IN_DOUBT, 0, request.reference);

    char *order = sandbox_order_of(request.reference);
    sandbox_decide(order, "approve");
    snprintf(body, sizeof body, "{\"code\":\"0\",\"reference\":\"%s\",\"orderNumber\":\"%s\"}",
             request.reference, order);
    result = flexpay_settle_callback(client, (const uint8_t *)body, strlen(body), NULL, &entry, &error);
    settled(FLEXPAY_ENTRY_PAID, 1, result, entry, error);
    CHECK_STR(order, entry != NULL ? entry->order_number : NULL);
    CHECK_INT(1, entry != NULL ? entry->to_deliver : -1);
    CHECK_INT(0, entry != NULL ? entry->is_open : -1);
    flexpay_settlement_free(entry);
    /* The same callback again. */
    result = flexpay_settle_callback(client, (const uint8_t *)body, strlen(body), NULL, &entry, &error);
    flexpay_settlement_free(settled(FLEXPAY_ENTRY_PAID, 0, result, entry, error));
    free(order);
}

/* What was not sent, and what was refused, may be sent again. */
static void sent_again(const char *journal)
{
    flexpay_config config = sandbox_config("http", FLEXPAY_API_V1_1);
    flexpay_payment_request request = sandbox_request();
    flexpay_client *unreachable;
    flexpay_error *error;
    config.pay_url = "http://127.0.0.1:1/v1.1/pay";
    config.journal = journal;
    CHECK_INT(FLEXPAY_OK, flexpay_client_new(&config, &unreachable, NULL));
    flexpay_result result = flexpay_pay(unreachable, &request, NULL, &error);
    fails(FLEXPAY_ERROR_CONNECT, FLEXPAY_OUTCOME_NOT_SENT, NULL, result, error);
    flexpay_client_free(unreachable);
    CHECK_INT(FLEXPAY_ENTRY_NOT_SENT, recorded_state(request.reference));
    sandbox_fault("{\"on\":\"pay\",\"action\":{\"kind\":\"reply\",\"status\":400,"
                  "\"body\":\"{\\\"code\\\":\\\"1\\\",\\\"message\\\":\\\"non\\\"}\"}}");
    request.amount = "30"; /* nothing is fixed yet */
    result = flexpay_pay(client, &request, NULL, &error);
    fails(FLEXPAY_ERROR_REFUSED, FLEXPAY_OUTCOME_REFUSED, NULL, result, error);
    CHECK_INT(FLEXPAY_ENTRY_REFUSED, recorded_state(request.reference));
    free(accepted(&request));
    CHECK_INT(FLEXPAY_ENTRY_ACCEPTED, recorded_state(request.reference));
    CHECK_INT(2, sandbox_requests_with(request.reference));
}

static void settled_once(void)
{
    flexpay_payment_request request = sandbox_request();
    flexpay_error *error;
    char *order = accepted(&request), fault[512];
    settles(FLEXPAY_ENTRY_ACCEPTED, 0, request.reference);
    /* The gateway tells another amount. */
    snprintf(fault, sizeof fault,
             "{\"on\":\"check\",\"action\":{\"kind\":\"reply\",\"status\":200,\"body\":"
             "\"{\\\"code\\\":\\\"0\\\",\\\"transaction\\\":{\\\"status\\\":\\\"0\\\","
             "\\\"reference\\\":\\\"%s\\\",\\\"orderNumber\\\":\\\"%s\\\",\\\"amount\\\":\\\"1\\\","
             "\\\"currency\\\":\\\"USD\\\"}}\"}}",
             request.reference, order);
    sandbox_fault(fault);
    flexpay_result result = flexpay_settle(client, request.reference, NULL, NULL, &error);
    fails(FLEXPAY_ERROR_MISMATCH, FLEXPAY_OUTCOME_REFUSED, "amount", result, error);
    CHECK_INT(FLEXPAY_ENTRY_ACCEPTED, recorded_state(request.reference));

    sandbox_decide(order, "approve");
    settles(FLEXPAY_ENTRY_PAID, 1, request.reference);
    settles(FLEXPAY_ENTRY_PAID, 0, request.reference);
    sandbox_decide(order, "refunded");
    settles(FLEXPAY_ENTRY_REFUNDED, 1, request.reference);
    result = flexpay_settle(client, "never-used", NULL, NULL, &error);
    fails(FLEXPAY_ERROR_INVALID, FLEXPAY_OUTCOME_NOT_SENT, "reference", result, error);
    free(order);
}

static void settled_with_a_wait(void)
{
    flexpay_payment_request request = sandbox_request();
    flexpay_wait_options wait = FLEXPAY_WAIT_OPTIONS_INIT;
    flexpay_expected not_used = FLEXPAY_EXPECTED_INIT;
    flexpay_cancel_token *token;
    flexpay_settlement *entry;
    flexpay_error *error;
    char *order = accepted(&request);
    CHECK_INT(FLEXPAY_OK, flexpay_cancel_token_new(&token, NULL));
    flexpay_cancel_token_cancel(token);
    wait.timeout_ms = 60000;
    wait.interval_ms = 20;
    wait.failed_grace_ms = 100;
    wait.cancel = token;
    flexpay_result result = flexpay_settle(client, request.reference, &wait, &entry, &error);
    CHECK(entry == NULL);
    fails(FLEXPAY_ERROR_CANCELLED, FLEXPAY_OUTCOME_UNKNOWN, NULL, result, error);
    CHECK_INT(FLEXPAY_ENTRY_ACCEPTED, recorded_state(request.reference));
    flexpay_cancel_token_free(token);
    wait.cancel = NULL;

    sandbox_decide(order, "decline");
    result = flexpay_settle(client, request.reference, &wait, &entry, &error);
    settled(FLEXPAY_ENTRY_FAILED, 1, result, entry, error);
    CHECK_INT(1, entry != NULL ? entry->is_open : -1); /* a late PAID is still possible */
    flexpay_settlement_free(entry);
    /* The entry is compared, and not what the caller expects. */
    not_used.reference = "another";
    not_used.amount = "1";
    not_used.currency = "CDF";
    wait.expected = &not_used;
    sandbox_decide(order, "approve");
    result = flexpay_settle(client, request.reference, &wait, &entry, &error);
    flexpay_settlement_free(settled(FLEXPAY_ENTRY_PAID, 1, result, entry, error));
    free(order);
}

#define SETTLE_CALLBACK(query, entry)                                                              \
    flexpay_settle_callback(client, (const uint8_t *)body, strlen(body), query, entry, &error)

static void callbacks(void)
{
    flexpay_payment_request request = sandbox_request();
    flexpay_error *error;
    char body[256] = "<html>", reference[32];
    char *other = sandbox_order(NULL);
    request.reference = strcpy(reference, sandbox_reference());
    char *order = accepted(&request);
    sandbox_decide(other, "approve");
    flexpay_result result = SETTLE_CALLBACK(NULL, NULL);
    fails(FLEXPAY_ERROR_CALLBACK, FLEXPAY_OUTCOME_NOT_SENT, "body", result, error);
    strcpy(body, "{\"code\":\"0\",\"reference\":\"never-used\",\"orderNumber\":\"1\"}");
    result = SETTLE_CALLBACK(NULL, NULL);
    fails(FLEXPAY_ERROR_INVALID, FLEXPAY_OUTCOME_NOT_SENT, "reference", result, error);
    /* Another order was paid. */
    snprintf(body, sizeof body, "{\"code\":\"0\",\"reference\":\"%s\",\"orderNumber\":\"%s\"}",
             request.reference, other);
    result = SETTLE_CALLBACK(NULL, NULL);
    fails(FLEXPAY_ERROR_MISMATCH, FLEXPAY_OUTCOME_REFUSED, "reference", result, error);
    CHECK_INT(FLEXPAY_ENTRY_ACCEPTED, recorded_state(request.reference));
    free(order);
    free(other);
}

static void signed_callbacks(const char *journal)
{
    flexpay_config config = sandbox_config("http", FLEXPAY_API_V1_1);
    flexpay_payment_request request = sandbox_request();
    flexpay_client *without_secret = client;
    flexpay_settlement *entry;
    flexpay_error *error;
    char body[256], query[256] = "";
    config.journal = journal;
    config.callback_secret = "a secret of the shop, made for this test";
    CHECK_INT(FLEXPAY_OK, flexpay_client_new(&config, &client, NULL));
    char *order = accepted(&request), *recorded = sandbox_recorded(order);
    const char *found = strstr(recorded, "/callback?");
    CHECK(found != NULL && sscanf(found, "/callback?%255[^\"]", query) == 1);
    snprintf(body, sizeof body, "{\"code\":\"0\",\"reference\":\"%s\",\"orderNumber\":\"%s\"}",
             request.reference, order);
    sandbox_decide(order, "approve");

    flexpay_result result = SETTLE_CALLBACK(NULL, NULL);
    fails(FLEXPAY_ERROR_INVALID, FLEXPAY_OUTCOME_NOT_SENT, "query", result, error);
    result = SETTLE_CALLBACK("flexpay=1.forged", NULL);
    fails(FLEXPAY_ERROR_MISMATCH, FLEXPAY_OUTCOME_NOT_SENT, "query", result, error);
    CHECK_INT(FLEXPAY_ENTRY_ACCEPTED, recorded_state(request.reference));
    result = SETTLE_CALLBACK(query, &entry);
    flexpay_settlement_free(settled(FLEXPAY_ENTRY_PAID, 1, result, entry, error));
    flexpay_client_free(client);
    client = without_secret;
    free(recorded);
    free(order);
}

static const flexpay_settlement *find(const flexpay_settlements *list, const char *reference)
{
    for (size_t at = 0; list != NULL && at < list->count; at++)
        if (strcmp(list->items[at]->reference, reference) == 0)
            return list->items[at];
    return NULL;
}

static void reconciled(void)
{
    const char *journal = sandbox_journal();
    flexpay_client *other_client = client;
    flexpay_payment_request request = sandbox_request();
    flexpay_settlements *list;
    flexpay_error *error;
    char paid[32], declined[32], pending[32], in_doubt[32], *orders[3];
    client = sandbox_journal_client(journal);
    CHECK_INT(FLEXPAY_OK, flexpay_reconcile(client, NULL, &list, NULL));
    CHECK_INT(0, list != NULL ? list->count : 99);
    CHECK(list != NULL && list->items != NULL && list->stopped == NULL);
    flexpay_settlements_free(list);

    strcpy(paid, request.reference);
    orders[0] = accepted(&request);
    request.reference = strcpy(declined, sandbox_reference());
    orders[1] = accepted(&request);
    request.reference = strcpy(pending, sandbox_reference());
    orders[2] = accepted(&request);
    request.reference = strcpy(in_doubt, sandbox_reference());
    sandbox_fault("{\"on\":\"pay\",\"action\":{\"kind\":\"reset_after_reading\"}}");
    CHECK_INT(FLEXPAY_ERROR_CONNECTION, flexpay_pay(client, &request, NULL, NULL));
    sandbox_decide(orders[0], "approve");
    sandbox_decide(orders[1], "decline");
    for (size_t at = 0; at < 3; at++)
        free(orders[at]);
    flexpay_client_free(client);

    client = sandbox_journal_client(journal);
    CHECK_INT(FLEXPAY_OK, flexpay_reconcile(client, NULL, &list, &error));
    CHECK(error == NULL);
    CHECK_INT(4, list != NULL ? list->count : 0);
    CHECK_STR(NULL, list != NULL ? list->stopped : "no list");
    static const struct {
        int32_t state, changed, to_deliver, is_open;
    } expected[] = {{FLEXPAY_ENTRY_PAID, 1, 1, 0},
                    {FLEXPAY_ENTRY_FAILED, 1, 0, 1},
                    {FLEXPAY_ENTRY_ACCEPTED, 0, 0, 1},
                    {FLEXPAY_ENTRY_IN_DOUBT, 0, 0, 1}};
    const char *references[] = {paid, declined, pending, in_doubt};
    for (size_t at = 0; at < 4; at++) {
        const flexpay_settlement *found = find(list, references[at]);
        CHECK(found != NULL);
        if (found == NULL)
            continue;
        CHECK_INT(expected[at].state, found->state);
        CHECK_INT(expected[at].changed, found->changed);
        CHECK_INT(expected[at].to_deliver, found->to_deliver);
        CHECK_INT(expected[at].is_open, found->is_open);
        CHECK_STR("25.50", found->amount);
        CHECK_STR(NULL, found->problem);
    }
    flexpay_settlements_free(list);

    /* Until it is acknowledged, it is in every list, and not changed again. */
    CHECK_INT(FLEXPAY_OK, flexpay_reconcile(client, NULL, &list, NULL));
    const flexpay_settlement *found = find(list, paid);
    CHECK(found != NULL && found->to_deliver == 1 && found->changed == 0);
    flexpay_settlements_free(list);
    CHECK_INT(FLEXPAY_OK, flexpay_journal_acknowledge(client, paid, NULL, NULL));
    CHECK_INT(FLEXPAY_OK, flexpay_reconcile(client, NULL, &list, NULL));
    CHECK_INT(3, list != NULL ? list->count : 0);
    CHECK(find(list, paid) == NULL);
    flexpay_settlements_free(list);
    flexpay_client_free(client);
    client = other_client;
}

/* It succeeds also when not every order could be asked about, and says why not. */
static void reconciling_stops(void)
{
    const char *journal = sandbox_journal();
    flexpay_client *other_client = client;
    flexpay_config config = sandbox_config("http", FLEXPAY_API_V1_1);
    flexpay_reconcile_options options = FLEXPAY_RECONCILE_OPTIONS_INIT;
    flexpay_settlements *list;
    flexpay_error *error;
    client = sandbox_journal_client(journal);
    for (int count = 0; count < 3; count++) {
        flexpay_payment_request request = sandbox_request();
        free(accepted(&request));
    }
    flexpay_client_free(client);

    config.journal = journal;
    config.check_url = "http://127.0.0.1:1/check";
    config.flags = FLEXPAY_FLAG_CHECK_ONCE;
    CHECK_INT(FLEXPAY_OK, flexpay_client_new(&config, &client, NULL));
    CHECK_INT(FLEXPAY_OK, flexpay_reconcile(client, NULL, &list, &error));
    CHECK(error == NULL);
    CHECK_INT(3, list != NULL ? list->count : 0);
    CHECK(list != NULL && list->stopped != NULL && *list->stopped != '\0');
    int problems = 0;
    for (size_t at = 0; list != NULL && at < list->count; at++) {
        CHECK_INT(FLEXPAY_ENTRY_ACCEPTED, list->items[at]->state);
        if (list->items[at]->problem != NULL) {
            problems++;
            CHECK(strncmp(list->items[at]->problem, "CONNECT: ", strlen("CONNECT: ")) == 0);
        }
    }
    CHECK_INT(1, problems); /* the others were not asked about */
    flexpay_settlements_free(list);
    flexpay_client_free(client);

    client = sandbox_journal_client(journal);
    flexpay_cancel_token *token;
    CHECK_INT(FLEXPAY_OK, flexpay_cancel_token_new(&token, NULL));
    options.cancel = token;
    CHECK_INT(FLEXPAY_OK, flexpay_reconcile(client, &options, &list, NULL));
    CHECK_STR(NULL, list != NULL ? list->stopped : "no list");
    flexpay_settlements_free(list);
    flexpay_cancel_token_cancel(token);
    CHECK_INT(FLEXPAY_OK, flexpay_reconcile(client, &options, &list, NULL));
    CHECK_INT(3, list != NULL ? list->count : 0);
    CHECK(list != NULL && list->stopped != NULL && strstr(list->stopped, "cancelled") != NULL);
    flexpay_settlements_free(list);
    flexpay_cancel_token_free(token);

    /* Each check takes longer than the whole call may. */
    options.cancel = NULL;
    options.timeout_ms = 50;
    sandbox_fault("{\"on\":\"check\",\"times\":3,\"action\":{\"kind\":\"delay\",\"ms\":100}}");
    CHECK_INT(FLEXPAY_OK, flexpay_reconcile(client, &options, &list, NULL));
    CHECK_INT(3, list != NULL ? list->count : 0);
    CHECK(list != NULL && list->stopped != NULL && strstr(list->stopped, "time limit") != NULL);
    flexpay_settlements_free(list);
    sandbox_clear_faults();
    options.reserved = 1;
    flexpay_result result = flexpay_reconcile(client, &options, &list, &error);
    CHECK(list == NULL);
    fails(FLEXPAY_ERROR_INVALID, FLEXPAY_OUTCOME_NOT_SENT, "reserved", result, error);
    flexpay_client_free(client);
    client = other_client;
}

static void payouts(void)
{
    flexpay_payout_request request = sandbox_payout_request();
    flexpay_settlement *entry;
    flexpay_error *error;
    flexpay_payment *payout;
    CHECK_INT(FLEXPAY_OK, flexpay_payout(client, &request, NULL, NULL));
    CHECK_INT(FLEXPAY_OK, flexpay_payout(client, &request, &payout, NULL));
    CHECK_INT(1, payout != NULL ? payout->is_recorded : -1);
    flexpay_payment_free(payout);
    CHECK_INT(1, sandbox_requests_with(request.reference));
    flexpay_result result = flexpay_settle(client, request.reference, NULL, &entry, &error);
    settled(FLEXPAY_ENTRY_PAID, 1, result, entry, error);
    CHECK_INT(FLEXPAY_KIND_PAYOUT, entry != NULL ? entry->kind : -1);
    CHECK_STR("243812345678", entry != NULL ? entry->phone : NULL);
    CHECK_INT(0, entry != NULL ? entry->to_deliver : -1);
    flexpay_settlement_free(entry);
}

/* Copies a text, with slashes as on POSIX. */
static const char *with_slashes(const char *text, char *copy, size_t size)
{
    snprintf(copy, size, "%s", text);
    for (char *at = copy; *at != '\0'; at++)
        if (*at == '\\')
            *at = '/';
    return copy;
}

/* Windows prints the path with backslashes, and with the drive in front. */
static int names(const flexpay_error *error, const char *path)
{
    char message[1024], file[512];
    return error != NULL && strstr(with_slashes(error->message, message, sizeof message),
                                   with_slashes(path, file, sizeof file)) != NULL;
}

/* A journal that cannot be written: nothing is sent, and the error names the file. */
static void unwritable(void)
{
    flexpay_payment_request request = sandbox_request();
    flexpay_client *without = sandbox_journal_client("/nowhere/journal.db");
    flexpay_error *error;
    flexpay_result result = flexpay_pay(without, &request, NULL, &error);
    CHECK(names(error, "/nowhere/journal.db"));
    fails(FLEXPAY_ERROR_JOURNAL, FLEXPAY_OUTCOME_NOT_SENT, "journal", result, error);
    CHECK_INT(0, sandbox_requests_with(request.reference));
    flexpay_client_free(without);

    /* A file of another program. */
    char path[512];
    strcpy(path, sandbox_journal());
    FILE *file = fopen(path, "w");
    CHECK(file != NULL && fputs("not a journal", file) >= 0 && fclose(file) == 0);
    without = sandbox_journal_client(path);
    result = flexpay_pay(without, &request, NULL, &error);
    CHECK(names(error, path));
    fails(FLEXPAY_ERROR_JOURNAL, FLEXPAY_OUTCOME_NOT_SENT, "journal", result, error);
    CHECK_INT(0, sandbox_requests_with(request.reference));
    flexpay_client_free(without);
}

int main(void)
{
    char journal[512];
    strcpy(journal, sandbox_journal());
    sandbox_clear_faults();
    client = sandbox_journal_client(journal);
    CHECK(access(journal, F_OK) != 0); /* it is made when it is first used */
    repeated(journal);
    CHECK(access(journal, F_OK) == 0);
    other_terms();
    lost_reply();
    sent_again(journal);
    settled_once();
    settled_with_a_wait();
    callbacks();
    signed_callbacks(journal);
    reconciled();
    reconciling_stops();
    payouts();
    unwritable();
    flexpay_client_free(client);
    return test_end();
}
