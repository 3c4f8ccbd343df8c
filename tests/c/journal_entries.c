/* The entries of a journal: listing them, acknowledging, resolving and pruning them, and the rule that other
 * stores use. */

#include "sandbox.h"
#include "test.h"

#include <stdlib.h>
#include <time.h>

static flexpay_client *client;

/* Checks the result of a call that must be INVALID, and frees its error. */
static void refused(const char *field, flexpay_result result, flexpay_error *error)
{
    CHECK_INT(FLEXPAY_ERROR_INVALID, result);
    CHECK_STR(field, error != NULL ? error->field : "no error");
    flexpay_error_free(error);
}

/* Requests a payment. It is IN_DOUBT afterwards, or ACCEPTED. */
static void pay(const char *reference, int in_doubt)
{
    flexpay_payment_request request = sandbox_request();
    request.reference = reference;
    if (in_doubt)
        sandbox_fault("{\"on\":\"pay\",\"action\":{\"kind\":\"reset_after_reading\"}}");
    CHECK_INT(in_doubt ? FLEXPAY_ERROR_CONNECTION : FLEXPAY_OK,
              flexpay_pay(client, &request, NULL, NULL));
}

/* The customer pays. */
static void decide(const char *reference)
{
    char *order = sandbox_order_of(reference);
    sandbox_decide(order, "approve");
    free(order);
}

static void settles(int32_t state, const char *reference)
{
    flexpay_settlement *entry;
    CHECK_INT(FLEXPAY_OK, flexpay_settle(client, reference, NULL, &entry, NULL));
    CHECK_INT(state, entry != NULL ? entry->state : -1);
    flexpay_settlement_free(entry);
}

/* Checks that the list has these references, in this order. */
static void lists(int32_t filter, const char *after, uint32_t limit, const char *const *references)
{
    flexpay_journal_query query = FLEXPAY_JOURNAL_QUERY_INIT;
    flexpay_settlements *list;
    size_t count = 0;
    query.filter = filter;
    query.after = after;
    query.limit = limit;
    CHECK_INT(FLEXPAY_OK, flexpay_journal_list(client, &query, &list, NULL));
    if (list == NULL)
        return;
    for (; references[count] != NULL; count++)
        CHECK_STR(references[count], count < list->count ? list->items[count]->reference : "none");
    CHECK_INT(count, list->count);
    CHECK(list->items != NULL);
    CHECK_STR(NULL, list->stopped);
    flexpay_settlements_free(list);
}

static void listed(void)
{
    static const char *const none[] = {NULL};
    static const char *const all[] = {"L-1", "L-2", "L-3", "L-4", NULL};
    static const char *const first[] = {"L-1", "L-2", NULL};
    static const char *const second[] = {"L-3", "L-4", NULL};
    static const char *const open[] = {"L-2", "L-3", "L-4", NULL};
    static const char *const in_doubt[] = {"L-2", NULL};
    static const char *const to_deliver[] = {"L-1", NULL};
    flexpay_settlements *list;
    flexpay_error *error;
    lists(FLEXPAY_JOURNAL_ALL, NULL, 0, none);
    pay("L-3", 0);
    pay("L-1", 0);
    pay("L-2", 1);
    pay("L-4", 0);
    decide("L-1");
    settles(FLEXPAY_ENTRY_PAID, "L-1");
    lists(FLEXPAY_JOURNAL_ALL, NULL, 0, all);
    lists(FLEXPAY_JOURNAL_ALL, NULL, 2, first);
    lists(FLEXPAY_JOURNAL_ALL, "L-2", 2, second);
    lists(FLEXPAY_JOURNAL_ALL, "L-4", 2, none);
    lists(FLEXPAY_JOURNAL_OPEN, "", 0, open);
    lists(FLEXPAY_JOURNAL_IN_DOUBT, NULL, 0, in_doubt);
    lists(FLEXPAY_JOURNAL_TO_DELIVER, NULL, 0, to_deliver);
    lists(FLEXPAY_JOURNAL_TO_DELIVER, "L-1", 0, none);
    CHECK_INT(FLEXPAY_OK, flexpay_journal_list(client, NULL, &list, &error));
    CHECK_INT(4, list != NULL ? list->count : 0);
    CHECK(error == NULL);
    flexpay_settlements_free(list);

    flexpay_settlement *entry;
    flexpay_result result = flexpay_journal_get(client, "L-9", &entry, &error);
    CHECK(entry == NULL);
    refused("reference", result, error);
}

static void acknowledges(int changed, const char *reference)
{
    flexpay_settlement *entry;
    CHECK_INT(FLEXPAY_OK, flexpay_journal_acknowledge(client, reference, &entry, NULL));
    CHECK_INT(changed, entry != NULL ? entry->changed : -1);
    CHECK_INT(0, entry != NULL ? entry->to_deliver : -1);
    CHECK_INT(FLEXPAY_ENTRY_PAID, entry != NULL ? entry->state : -1);
    flexpay_settlement_free(entry);
}

static void acknowledged(void)
{
    flexpay_settlement *entry;
    flexpay_error *error;
    pay("A-1", 0);
    flexpay_result result = flexpay_journal_acknowledge(client, "A-1", &entry, &error);
    CHECK(entry == NULL);
    CHECK(error != NULL && strstr(error->message, "ACCEPTED") != NULL);
    refused("reference", result, error);
    decide("A-1");
    settles(FLEXPAY_ENTRY_PAID, "A-1");
    acknowledges(1, "A-1");
    acknowledges(0, "A-1");
    result = flexpay_journal_acknowledge(client, "A-9", NULL, &error);
    refused("reference", result, error);
}

static flexpay_resolution resolution(const char *reference, int32_t state)
{
    flexpay_resolution said = FLEXPAY_RESOLUTION_INIT;
    said.reference = reference;
    said.state = state;
    said.who = "Awa";
    said.why = "seen in the console";
    return said;
}

static void resolves(int32_t state, int changed, const flexpay_resolution *said)
{
    flexpay_settlement *entry;
    CHECK_INT(FLEXPAY_OK, flexpay_journal_resolve(client, said, &entry, NULL));
    if (entry == NULL)
        return;
    CHECK_INT(state, entry->state);
    CHECK_INT(changed, entry->changed);
    CHECK_STR("Awa", entry->resolved_by);
    CHECK_STR("seen in the console", entry->resolved_why);
    flexpay_settlement_free(entry);
}

static void refuses(const char *field, const flexpay_resolution *said)
{
    flexpay_settlement *entry;
    flexpay_error *error;
    flexpay_result result = flexpay_journal_resolve(client, said, &entry, &error);
    CHECK(entry == NULL);
    refused(field, result, error);
}

static void resolved(void)
{
    pay("R-1", 1);
    flexpay_resolution said = resolution("R-1", FLEXPAY_ENTRY_NOT_SENT);
    resolves(FLEXPAY_ENTRY_NOT_SENT, 1, &said);

    /* With an order number, the gateway has the last word. */
    pay("R-2", 1);
    char *order = sandbox_order_of("R-2");
    decide("R-2");
    said = resolution("R-2", 0);
    said.order_number = order;
    resolves(FLEXPAY_ENTRY_IN_DOUBT, 0, &said);
    settles(FLEXPAY_ENTRY_PAID, "R-2");
    free(order);

    pay("R-3", 0);
    said = resolution("R-3", FLEXPAY_ENTRY_CANCELLED);
    resolves(FLEXPAY_ENTRY_CANCELLED, 1, &said);
    pay("R-4", 1);
    said = resolution("R-4", FLEXPAY_ENTRY_FAILED);
    resolves(FLEXPAY_ENTRY_FAILED, 1, &said);
}

static void wrongly_resolved(void)
{
    static const int32_t others[] = {FLEXPAY_ENTRY_SENDING,  FLEXPAY_ENTRY_REFUSED,
                                     FLEXPAY_ENTRY_IN_DOUBT, FLEXPAY_ENTRY_ACCEPTED,
                                     FLEXPAY_ENTRY_PAID,     FLEXPAY_ENTRY_REFUNDING,
                                     FLEXPAY_ENTRY_REFUNDED, 11, -1};
    flexpay_settlement *entry;
    pay("W-1", 1);
    for (size_t at = 0; at < sizeof others / sizeof *others; at++) {
        flexpay_resolution other = resolution("W-1", others[at]);
        refuses("state", &other);
    }
    flexpay_resolution said = resolution("W-1", FLEXPAY_ENTRY_FAILED);
    said.order_number = "1";
    refuses("state", &said); /* both */
    said = resolution("W-1", 0);
    refuses("state", &said); /* neither */
    said.order_number = "two\nlines";
    refuses("order_number", &said);
    said = resolution("W-1", FLEXPAY_ENTRY_FAILED);
    said.who = NULL;
    refuses("who", &said);
    said.who = " ";
    refuses("who", &said);
    said = resolution("W-1", FLEXPAY_ENTRY_FAILED);
    said.why = "";
    refuses("why", &said);
    said = resolution("W-1", FLEXPAY_ENTRY_FAILED);
    said.reserved = 1;
    refuses("reserved", &said);
    said = resolution("W-9", FLEXPAY_ENTRY_FAILED);
    refuses("reference", &said);
    said = resolution(NULL, FLEXPAY_ENTRY_FAILED);
    refuses("reference", &said);
    /* The gateway accepted it: it was sent. */
    pay("W-2", 0);
    said = resolution("W-2", FLEXPAY_ENTRY_NOT_SENT);
    refuses("state", &said);
    decide("W-2");
    settles(FLEXPAY_ENTRY_PAID, "W-2");
    said = resolution("W-2", FLEXPAY_ENTRY_FAILED);
    refuses("state", &said);

    CHECK_INT(FLEXPAY_OK, flexpay_journal_get(client, "W-1", &entry, NULL));
    CHECK_INT(FLEXPAY_ENTRY_IN_DOUBT, entry != NULL ? entry->state : -1);
    CHECK_STR(NULL, entry != NULL ? entry->resolved_by : "no entry");
    flexpay_settlement_free(entry);
}

static void pruned(void)
{
    static const struct timespec longer_than_a_second = {1, 100000000};
    flexpay_payment_request request = sandbox_request();
    uint64_t removed = 99;
    flexpay_error *error;
    request.reference = "P-1";
    pay("P-1", 0);
    decide("P-1");
    settles(FLEXPAY_ENTRY_PAID, "P-1");
    CHECK_INT(FLEXPAY_OK, flexpay_journal_prune(client, 30, &removed, &error));
    CHECK_INT(0, removed);
    CHECK(error == NULL);
    acknowledges(1, "P-1");
    nanosleep(&longer_than_a_second, NULL); /* the times in the file are whole seconds */
    flexpay_settlements *before, *after;
    CHECK_INT(FLEXPAY_OK, flexpay_journal_list(client, NULL, &before, NULL));
    CHECK_INT(FLEXPAY_OK, flexpay_journal_prune(client, 0, &removed, NULL));
    CHECK_INT(FLEXPAY_OK, flexpay_journal_list(client, NULL, &after, NULL));
    CHECK(removed >= 1);
    if (before != NULL && after != NULL) {
        CHECK_INT(before->count - after->count, removed);
        for (size_t at = 0; at < after->count; at++)
            CHECK(after->items[at]->is_open || after->items[at]->to_deliver);
    }
    flexpay_settlements_free(before);
    flexpay_settlements_free(after);

    /* Its reference stays used. */
    flexpay_result result = flexpay_pay(client, &request, NULL, &error);
    refused("reference", result, error);
    CHECK_INT(1, sandbox_requests_with("\\\"reference\\\":\\\"P-1\\\""));
    removed = 99;
    CHECK_INT(FLEXPAY_OK, flexpay_journal_prune(client, 0, NULL, NULL));
    CHECK_INT(FLEXPAY_ERROR_INVALID, flexpay_journal_prune(NULL, 0, &removed, NULL));
    CHECK_INT(0, removed);
}

static void step(void)
{
    static const char pay_event[] =
        "\"event\":{\"event\":\"pay\",\"reference\":\"S-1\",\"sender\":\"till 1\",\"terms\":{\"kind\":"
        "\"CARD\",\"amount\":\"25.50\",\"currency\":\"USD\",\"phone\":null}}";
    char request[2048];
    flexpay_text *reply;
    flexpay_error *error;
    snprintf(request, sizeof request, "{\"entry\":null,\"sender_is_alive\":false,%s}", pay_event);
    CHECK_INT(FLEXPAY_OK, flexpay_journal_step(request, &reply, &error));
    CHECK(error == NULL);
    CHECK(reply != NULL && strstr(reply->text, "\"action\":\"send\",\"attempt\":1") != NULL);
    /* The new entry, given back while its sender is alive. */
    const char *entry = reply != NULL ? strstr(reply->text, "{\"reference\"") : NULL;
    const char *end = entry != NULL ? strchr(entry, '}') : NULL;
    CHECK(end != NULL);
    if (end != NULL) {
        snprintf(request, sizeof request, "{\"entry\":%.*s,\"sender_is_alive\":true,%s}",
                 (int)(end + 1 - entry), entry, pay_event);
        flexpay_text *second;
        CHECK_INT(FLEXPAY_OK, flexpay_journal_step(request, &second, NULL));
        CHECK(second != NULL && strstr(second->text, "\"action\":\"refuse\"") != NULL &&
              strstr(second->text, "IN_PROGRESS") != NULL);
        flexpay_text_free(second);
    }
    flexpay_text_free(reply);

    static const char *const unreadable[] = {NULL, "", "nonsense", "{}",
                                             "{\"sender_is_alive\":false,\"event\":{\"event\":\"settle\"}}"};
    for (size_t at = 0; at < sizeof unreadable / sizeof *unreadable; at++) {
        flexpay_result result = flexpay_journal_step(unreadable[at], &reply, &error);
        CHECK(reply == NULL);
        refused("request", result, error);
    }
}

/* A client that has no journal. */
static void without_a_journal(void)
{
    static const uint8_t body[] = "{\"code\":\"0\",\"reference\":\"R\",\"orderNumber\":\"1\"}";
    flexpay_resolution said = resolution("R", FLEXPAY_ENTRY_FAILED);
    flexpay_client *plain = sandbox_client("http", FLEXPAY_API_V1_1);
    flexpay_error *error;
    flexpay_result result = flexpay_settle(plain, "R", NULL, NULL, &error);
    refused("journal", result, error);
    result = flexpay_settle_callback(plain, body, sizeof body - 1, NULL, NULL, &error);
    refused("journal", result, error);
    result = flexpay_reconcile(plain, NULL, NULL, &error);
    refused("journal", result, error);
    result = flexpay_journal_get(plain, "R", NULL, &error);
    refused("journal", result, error);
    result = flexpay_journal_list(plain, NULL, NULL, &error);
    refused("journal", result, error);
    result = flexpay_journal_acknowledge(plain, "R", NULL, &error);
    refused("journal", result, error);
    result = flexpay_journal_resolve(plain, &said, NULL, &error);
    refused("journal", result, error);
    result = flexpay_journal_prune(plain, 0, NULL, &error);
    refused("journal", result, error);
    flexpay_client_free(plain);
}

int main(void)
{
    sandbox_clear_faults();
    client = sandbox_journal_client(sandbox_journal());
    listed();
    acknowledged();
    resolved();
    wrongly_resolved();
    pruned();
    step();
    without_a_journal();
    flexpay_client_free(client);
    return test_end();
}
