/* Structs from older and newer programs, and from programs that did not use the _INIT macro. */

#include "sandbox.h"
#include "test.h"

#include <stdlib.h>

static flexpay_result client_from(const void *config, const char **field)
{
    static char field_copy[64];
    flexpay_client *client;
    flexpay_error *error;
    flexpay_result result = flexpay_client_new(config, &client, &error);
    field_copy[0] = '\0';
    if (error != NULL && error->field != NULL)
        snprintf(field_copy, sizeof field_copy, "%s", error->field);
    *field = field_copy;
    CHECK((client != NULL) == (result == FLEXPAY_OK));
    flexpay_client_free(client);
    flexpay_error_free(error);
    return result;
}

/* A config in memory of exactly `size` bytes, so that sanitizers and valgrind detect a read past its
 * end. */
static flexpay_config *config_of_size(size_t size)
{
    flexpay_config whole = sandbox_config("http", FLEXPAY_API_V1_1);
    flexpay_config *config = calloc(1, size);
    if (config == NULL)
        abort();
    whole.size = size;
    memcpy(config, &whole, size < sizeof whole ? size : sizeof whole);
    return config;
}

static void older_program(void)
{
    const char *field;
    /* Its struct ended before journal: the client has none. */
    flexpay_config *config = config_of_size(offsetof(flexpay_config, journal));
    CHECK_INT(FLEXPAY_OK, client_from(config, &field));
    free(config);
    /* Its struct ended before mobile_url and payout_url. */
    config = config_of_size(offsetof(flexpay_config, mobile_url));
    CHECK_INT(FLEXPAY_OK, client_from(config, &field));
    free(config);
    /* Its struct ended before flags. */
    config = config_of_size(offsetof(flexpay_config, flags));
    CHECK_INT(FLEXPAY_OK, client_from(config, &field));
    free(config);
    /* Its struct ended after merchant: the token is read as absent, and it is required. */
    config = config_of_size(offsetof(flexpay_config, token));
    CHECK_INT(FLEXPAY_ERROR_INVALID, client_from(config, &field));
    CHECK_STR("token", field);
    free(config);
    config = config_of_size(sizeof(size_t));
    CHECK_INT(FLEXPAY_ERROR_INVALID, client_from(config, &field));
    free(config);
}

static void newer_program(void)
{
    const char *field;
    flexpay_config *config = config_of_size(2 * sizeof *config);
    /* All bytes that this library does not know are zero. */
    CHECK_INT(FLEXPAY_OK, client_from(config, &field));
    /* The first unknown byte is set, then the last. */
    ((unsigned char *)config)[sizeof *config] = 1;
    CHECK_INT(FLEXPAY_ERROR_INVALID, client_from(config, &field));
    CHECK_STR("config", field);
    ((unsigned char *)config)[sizeof *config] = 0;
    ((unsigned char *)config)[2 * sizeof *config - 1] = 0x80;
    CHECK_INT(FLEXPAY_ERROR_INVALID, client_from(config, &field));
    free(config);
}

static void invalid_size(void)
{
    static const size_t sizes[] = {0, 1, 7, 12, 4097, 1u << 20, (size_t)-1, (size_t)-8};
    const char *field;
    for (size_t at = 0; at < sizeof sizes / sizeof *sizes; at++) {
        flexpay_config config = sandbox_config("http", FLEXPAY_API_V1_1);
        config.size = sizes[at];
        CHECK_INT(FLEXPAY_ERROR_INVALID, client_from(&config, &field));
        CHECK_STR("config", field);
    }
}

/* A zeroed struct is refused. It does not mean "all defaults". */
static void zeroed(flexpay_client *client)
{
    flexpay_config config;
    flexpay_payment_request request;
    flexpay_mobile_request mobile;
    flexpay_payout_request payout;
    flexpay_wait_options options;
    flexpay_expected expected;
    static const uint8_t body[] = "{\"code\":\"0\",\"reference\":\"R\",\"orderNumber\":\"1\"}";
    memset(&config, 0, sizeof config);
    memset(&request, 0, sizeof request);
    memset(&mobile, 0, sizeof mobile);
    memset(&payout, 0, sizeof payout);
    memset(&options, 0, sizeof options);
    memset(&expected, 0, sizeof expected);
    CHECK_INT(FLEXPAY_ERROR_INVALID, flexpay_client_new(&config, NULL, NULL));
    CHECK_INT(FLEXPAY_ERROR_INVALID, flexpay_pay(client, &request, NULL, NULL));
    CHECK_INT(FLEXPAY_ERROR_INVALID, flexpay_pay_mobile(client, &mobile, NULL, NULL));
    CHECK_INT(FLEXPAY_ERROR_INVALID, flexpay_payout(client, &payout, NULL, NULL));
    CHECK_INT(FLEXPAY_ERROR_INVALID, flexpay_wait(client, "1", &options, NULL, NULL));
    CHECK_INT(FLEXPAY_ERROR_INVALID,
              flexpay_verify_callback(client, body, sizeof body - 1, &expected, NULL, NULL));
    CHECK_INT(FLEXPAY_ERROR_INVALID, flexpay_verify_order(client, &expected, NULL, NULL));
    options.size = sizeof options;
    options.expected = &expected;
    CHECK_INT(FLEXPAY_ERROR_INVALID, flexpay_wait(client, "1", &options, NULL, NULL));

    flexpay_reconcile_options reconcile;
    flexpay_journal_query query;
    flexpay_resolution resolution;
    memset(&reconcile, 0, sizeof reconcile);
    memset(&query, 0, sizeof query);
    memset(&resolution, 0, sizeof resolution);
    CHECK_INT(FLEXPAY_ERROR_INVALID, flexpay_reconcile(client, &reconcile, NULL, NULL));
    CHECK_INT(FLEXPAY_ERROR_INVALID, flexpay_journal_list(client, &query, NULL, NULL));
    CHECK_INT(FLEXPAY_ERROR_INVALID, flexpay_journal_resolve(client, &resolution, NULL, NULL));
}

/* A copy of the struct's first `size` bytes, in memory of exactly that size. */
static void *cut_to(size_t size, void *whole)
{
    void *cut = malloc(size);
    if (cut == NULL)
        abort();
    *(size_t *)whole = size;
    memcpy(cut, whole, size);
    return cut;
}

/* The structs of a program built before mobile money existed, and wait options from before `expected`:
 * this library must not read the fields that were added later. */
static void older_structs(flexpay_client *client)
{
    char reference[32], body[128];
    char *order = sandbox_order(reference);
    flexpay_payment_request request = sandbox_request();
    flexpay_expected expected = FLEXPAY_EXPECTED_INIT;
    flexpay_wait_options options = FLEXPAY_WAIT_OPTIONS_INIT;
    sandbox_decide(order, "approve");
    snprintf(body, sizeof body, "{\"code\":\"0\",\"reference\":\"%s\",\"orderNumber\":\"%s\"}", reference,
             order);

    void *older = cut_to(offsetof(flexpay_payment_request, correlation_id), &request);
    CHECK_INT(FLEXPAY_OK, flexpay_pay(client, older, NULL, NULL));
    free(older);

    expected.reference = reference;
    expected.amount = "25.50";
    expected.currency = "USD";
    expected.order_number = order;
    void *older_expected = cut_to(offsetof(flexpay_expected, kind), &expected);
    CHECK_INT(FLEXPAY_OK, flexpay_verify_order(client, older_expected, NULL, NULL));
    CHECK_INT(FLEXPAY_OK, flexpay_verify_callback(client, (const uint8_t *)body, strlen(body),
                                                  older_expected, NULL, NULL));

    options.timeout_ms = 20000;
    options.expected = older_expected;
    older = cut_to(offsetof(flexpay_wait_options, correlation_id), &options);
    CHECK_INT(FLEXPAY_OK, flexpay_wait(client, order, older, NULL, NULL));
    free(older);
    older = cut_to(offsetof(flexpay_wait_options, expected), &options);
    CHECK_INT(FLEXPAY_OK, flexpay_wait(client, order, older, NULL, NULL));
    free(older);
    free(older_expected);
    free(order);
}

/* The input structs of the journal, cut after a field of each version there may have been, and with fields of
 * a later version. */
static void journal_structs(flexpay_client *client)
{
    struct {
        flexpay_reconcile_options known;
        uint64_t unknown;
    } reconcile = {FLEXPAY_RECONCILE_OPTIONS_INIT, 0};
    struct {
        flexpay_journal_query known;
        uint64_t unknown;
    } query = {FLEXPAY_JOURNAL_QUERY_INIT, 0};
    struct {
        flexpay_resolution known;
        uint64_t unknown;
    } resolution = {FLEXPAY_RESOLUTION_INIT, 0};
    flexpay_payment_request request = sandbox_request();
    flexpay_settlements *list;
    flexpay_error *error;
    CHECK_INT(FLEXPAY_OK, flexpay_pay(client, &request, NULL, NULL));

    void *older = cut_to(sizeof(size_t), &reconcile);
    CHECK_INT(FLEXPAY_OK, flexpay_reconcile(client, older, NULL, NULL));
    free(older);
    query.known.filter = FLEXPAY_JOURNAL_IN_DOUBT;
    query.known.after = "a pointer that must not be read";
    older = cut_to(offsetof(flexpay_journal_query, after), &query);
    CHECK_INT(FLEXPAY_OK, flexpay_journal_list(client, older, &list, NULL));
    CHECK_INT(1, list != NULL ? list->count : 0); /* the defaults */
    flexpay_settlements_free(list);
    free(older);
    query.known.after = NULL;
    older = cut_to(offsetof(flexpay_journal_query, filter), &query);
    CHECK_INT(FLEXPAY_OK, flexpay_journal_list(client, older, &list, NULL));
    CHECK_INT(1, list != NULL ? list->count : 0);
    flexpay_settlements_free(list);
    free(older);
    resolution.known.reference = request.reference;
    resolution.known.who = "Awa";
    resolution.known.why = "seen in the console";
    resolution.known.state = FLEXPAY_ENTRY_CANCELLED;
    older = cut_to(offsetof(flexpay_resolution, why), &resolution);
    CHECK_INT(FLEXPAY_ERROR_INVALID, flexpay_journal_resolve(client, older, NULL, &error));
    CHECK_STR("state", error != NULL ? error->field : "no error");
    flexpay_error_free(error);
    free(older);

    reconcile.known.size = sizeof reconcile;
    query.known.size = sizeof query;
    resolution.known.size = sizeof resolution;
    reconcile.unknown = query.unknown = resolution.unknown = 1;
    CHECK_INT(FLEXPAY_ERROR_INVALID, flexpay_reconcile(client, &reconcile.known, NULL, NULL));
    CHECK_INT(FLEXPAY_ERROR_INVALID, flexpay_journal_list(client, &query.known, NULL, NULL));
    CHECK_INT(FLEXPAY_ERROR_INVALID, flexpay_journal_resolve(client, &resolution.known, NULL, NULL));
    reconcile.unknown = query.unknown = resolution.unknown = 0;
    CHECK_INT(FLEXPAY_OK, flexpay_reconcile(client, &reconcile.known, NULL, NULL));
    CHECK_INT(FLEXPAY_OK, flexpay_journal_list(client, &query.known, NULL, NULL));
    CHECK_INT(FLEXPAY_OK, flexpay_journal_resolve(client, &resolution.known, NULL, NULL));
}

/* The structs of a program built with a newer header. Fields that this library does not know must not
 * be set. */
static void every_struct(flexpay_client *client)
{
    struct {
        flexpay_payment_request known;
        const char *unknown;
    } request = {sandbox_request(), NULL};
    struct {
        flexpay_mobile_request known;
        const char *unknown;
    } mobile = {sandbox_mobile_request(), NULL};
    struct {
        flexpay_payout_request known;
        const char *unknown;
    } payout = {sandbox_payout_request(), NULL};
    struct {
        flexpay_wait_options known;
        uint64_t unknown;
    } options = {FLEXPAY_WAIT_OPTIONS_INIT, 0};
    struct {
        flexpay_expected known;
        uint64_t unknown;
    } expected = {FLEXPAY_EXPECTED_INIT, 0};
    static const uint8_t body[] = "{\"code\":\"0\",\"reference\":\"R\",\"orderNumber\":\"none\"}";
    char *order = sandbox_order(NULL);
    sandbox_decide(order, "approve");

    request.known.size = sizeof request;
    mobile.known.size = sizeof mobile;
    payout.known.size = sizeof payout;
    options.known.size = sizeof options;
    options.known.timeout_ms = 20000;
    expected.known.size = sizeof expected;
    expected.known.reference = "R";
    expected.known.amount = "1";
    expected.known.currency = "USD";
    request.known.reference = sandbox_reference();
    CHECK_INT(FLEXPAY_OK, flexpay_pay(client, &request.known, NULL, NULL));
    mobile.known.reference = sandbox_reference();
    CHECK_INT(FLEXPAY_OK, flexpay_pay_mobile(client, &mobile.known, NULL, NULL));
    payout.known.reference = sandbox_reference();
    CHECK_INT(FLEXPAY_OK, flexpay_payout(client, &payout.known, NULL, NULL));
    CHECK_INT(FLEXPAY_OK, flexpay_wait(client, order, &options.known, NULL, NULL));
    CHECK_INT(FLEXPAY_ERROR_NOT_FOUND,
              flexpay_verify_callback(client, body, sizeof body - 1, &expected.known, NULL, NULL));

    request.known.reference = mobile.known.reference = payout.known.reference = sandbox_reference();
    request.unknown = mobile.unknown = payout.unknown = "something new";
    options.unknown = 1;
    expected.unknown = 1;
    CHECK_INT(FLEXPAY_ERROR_INVALID, flexpay_pay(client, &request.known, NULL, NULL));
    CHECK_INT(FLEXPAY_ERROR_INVALID, flexpay_pay_mobile(client, &mobile.known, NULL, NULL));
    CHECK_INT(FLEXPAY_ERROR_INVALID, flexpay_payout(client, &payout.known, NULL, NULL));
    CHECK_INT(FLEXPAY_ERROR_INVALID, flexpay_wait(client, order, &options.known, NULL, NULL));
    CHECK_INT(FLEXPAY_ERROR_INVALID,
              flexpay_verify_callback(client, body, sizeof body - 1, &expected.known, NULL, NULL));
    /* Nothing was sent. */
    CHECK_INT(0, sandbox_requests_with(request.known.reference));
    free(order);
}

int main(void)
{
    flexpay_config config = sandbox_config("http", FLEXPAY_API_V1_1);
    flexpay_client *client;
    config.flags = FLEXPAY_FLAG_ALLOW_PAYOUT;
    CHECK_INT(FLEXPAY_OK, flexpay_client_new(&config, &client, NULL));
    older_program();
    newer_program();
    invalid_size();
    zeroed(client);
    older_structs(client);
    every_struct(client);
    flexpay_client_free(client);
    client = sandbox_journal_client(sandbox_journal());
    journal_structs(client);
    flexpay_client_free(client);
    return test_end();
}
