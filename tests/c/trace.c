/* The trace of a call: JSON with only the documented keys, on every result and every error, and only
 * with FLEXPAY_FLAG_TRACE. */

#define _GNU_SOURCE

#include "sandbox.h"
#include "test.h"

#include <stdlib.h>

#ifndef _WIN32
#include <dlfcn.h>
#include <netdb.h>
#endif

/* ---- A parser of JSON that accepts only the keys and the steps of a trace --------------------- */

static const char *const keys[] = {
    "call",    "correlation_id", "omitted", "steps",   "ms",     "step",       "attempt",
    "host",    "addresses",      "cached",  "address", "error",  "version",    "cipher",
    "resumed", "connection",     "status",  "bytes",   "date",   "content_type", "complete",
    "result",  "outcome",        "pause_ms",
};
static const char *const steps[] = {
    "attempt",    "proxy",     "tunnel",         "lookup",            "addresses", "lookup_failed",
    "connecting", "connected", "connect_failed", "connect_abandoned", "tls",       "sent",
    "reply",      "pause",     "attempt_failed", "end",
};

static int is_one_of(const char *const *list, size_t count, const char *text, size_t length)
{
    for (size_t at = 0; at < count; at++)
        if (strlen(list[at]) == length && memcmp(list[at], text, length) == 0)
            return 1;
    printf("  not in the list: %.*s\n", (int)length, text);
    return 0;
}
#define IS_ONE_OF(list, text, length) is_one_of(list, sizeof list / sizeof *list, text, length)

/* Returns the position after the string that begins at `at`, or NULL. */
static const char *skip_string(const char *at)
{
    if (*at++ != '"')
        return NULL;
    for (; *at != '"'; at++) {
        if (*at == '\0' || (unsigned char)*at < 0x20)
            return NULL;
        if (*at == '\\' && *++at == '\0')
            return NULL;
    }
    return at + 1;
}

/* Returns the position after the value that begins at `at`, or NULL if it is no JSON, or has another key
 * or step. */
static const char *skip_value(const char *at)
{
    if (*at == '{' || *at == '[') {
        char open = *at++, close = open == '{' ? '}' : ']';
        if (*at == close)
            return at + 1;
        for (;; at++) {
            if (open == '{') {
                const char *key = at;
                at = skip_string(at);
                if (at == NULL || *at != ':' ||
                    !IS_ONE_OF(keys, key + 1, (size_t)(at - key) - 2))
                    return NULL;
                const char *value = ++at, *end;
                if (strncmp(key, "\"step\"", 6) == 0 &&
                    ((end = skip_string(value)) == NULL ||
                     !IS_ONE_OF(steps, value + 1, (size_t)(end - value) - 2)))
                    return NULL;
            }
            at = skip_value(at);
            if (at == NULL || (*at != ',' && *at != close))
                return NULL;
            if (*at == close)
                return at + 1;
        }
    }
    if (*at == '"')
        return skip_string(at);
    static const char *const words[] = {"true", "false"};
    for (size_t word = 0; word < 2; word++)
        if (strncmp(at, words[word], strlen(words[word])) == 0)
            return at + strlen(words[word]);
    size_t digits = strspn(at, "0123456789");
    return digits != 0 ? at + digits : NULL;
}

/* ---- The tests -------------------------------------------------------------------------------- */

/* What no trace may contain, besides the token. */
static const char *secrets[8];

/* Checks a trace, and that it has each of `parts`, a list that ends with NULL, in this order. The trace
 * ends with the last of them. */
static void check_trace(const char *trace, const char *call, const char *const *parts)
{
    char begin[64];
    CHECK(trace != NULL);
    if (trace == NULL)
        return;
    const char *end = skip_value(trace);
    CHECK(end != NULL && *end == '\0');
    snprintf(begin, sizeof begin, "{\"call\":\"%s\",\"correlation_id\":\"", call);
    CHECK(strncmp(trace, begin, strlen(begin)) == 0);
    const char *from = trace;
    for (; *parts != NULL; parts++) {
        const char *found = strstr(from, *parts);
        if (found == NULL) {
            CHECK(!"the trace has this part, after the one before");
            printf("  %s\n  %s\n", *parts, trace);
        } else {
            from = found + strlen(*parts);
        }
    }
    CHECK_STR("", from); /* the last part is the end */
    CHECK(strstr(trace, sandbox_env("FLEXPAY_TOKEN")) == NULL);
    CHECK(strstr(trace, "Bearer") == NULL);
    for (size_t at = 0; secrets[at] != NULL; at++)
        CHECK(strstr(trace, secrets[at]) == NULL);
}

#define PARTS(...) ((const char *const[]){__VA_ARGS__, NULL})

static flexpay_client *client_of(const char *scheme, uint64_t flags)
{
    flexpay_config config = sandbox_config(scheme, FLEXPAY_API_V1_1);
    flexpay_client *client;
    /* The connections of other tests are not used. */
    config.flags = flags | FLEXPAY_FLAG_ALLOW_PAYOUT | FLEXPAY_FLAG_PRIVATE_CONNECTIONS;
    CHECK_INT(FLEXPAY_OK, flexpay_client_new(&config, &client, NULL));
    return client;
}

/* Without the flag there is no trace, and a correlation id is accepted all the same. */
static void without_the_flag(void)
{
    flexpay_client *client = client_of("http", 0);
    flexpay_mobile_request request = sandbox_mobile_request();
    flexpay_payment *payment;
    flexpay_transaction *transaction;
    flexpay_error *error;
    request.correlation_id = "till-3";
    CHECK_INT(FLEXPAY_OK, flexpay_pay_mobile(client, &request, &payment, NULL));
    if (payment == NULL)
        abort();
    CHECK_STR(NULL, payment->trace);
    CHECK_INT(FLEXPAY_OK, flexpay_check(client, payment->order_number, &transaction, NULL));
    CHECK(transaction != NULL && transaction->trace == NULL);
    CHECK_INT(FLEXPAY_ERROR_NOT_FOUND, flexpay_check(client, "none", NULL, &error));
    CHECK(error != NULL && error->trace == NULL);
    flexpay_error_free(error);
    flexpay_transaction_free(transaction);
    flexpay_payment_free(payment);
    flexpay_client_free(client);
}

/* One request over a new connection, for each of the three functions that move money. */
static void requests(const char *scheme)
{
    flexpay_client *client = client_of(scheme, FLEXPAY_FLAG_TRACE);
    int secure = strcmp(scheme, "https") == 0;
    for (int call = 0; call < 3; call++) {
        flexpay_payment_request card = sandbox_request();
        flexpay_mobile_request mobile = sandbox_mobile_request();
        flexpay_payout_request payout = sandbox_payout_request();
        flexpay_payment *payment;
        card.correlation_id = mobile.correlation_id = payout.correlation_id = "till-3/sale{\"7\"}";
        /* The references share a buffer. */
        card.reference = mobile.reference = payout.reference;
        secrets[0] = payout.reference;
        secrets[1] = "shop.example";
        secrets[2] = "812345678";
        secrets[3] = "Location";
        CHECK_INT(FLEXPAY_OK, call == 0   ? flexpay_pay(client, &card, &payment, NULL)
                              : call == 1 ? flexpay_pay_mobile(client, &mobile, &payment, NULL)
                                          : flexpay_payout(client, &payout, &payment, NULL));
        if (payment == NULL)
            abort();
        check_trace(payment->trace, call == 0 ? "pay" : call == 1 ? "pay_mobile" : "payout",
                    PARTS("\"correlation_id\":\"till-3/sale{\\\"7\\\"}\"",
                          "\"step\":\"attempt\",\"attempt\":1",
                          "\"step\":\"connecting\",\"address\":\"127.0.0.1:",
                          "\"step\":\"connected\",\"address\":\"127.0.0.1:",
                          secure ? "\"step\":\"tls\",\"version\":\"TLSv1.3\",\"cipher\":\""
                                 : "\"ms\":",
                          "\"step\":\"sent\",\"connection\":\"new\"",
                          "\"step\":\"reply\",\"status\":200,\"bytes\":", "\"complete\":true",
                          "\"content_type\":\"application/json",
                          "\"step\":\"end\",\"result\":\"OK\"}]}"));
        /* No second attempt. */
        CHECK(strstr(payment->trace, "\"attempt\":2") == NULL);
        secrets[0] = NULL;
        flexpay_payment_free(payment);
    }
    flexpay_client_free(client);
}

/* A check that fails at first, then succeeds over a new connection; then one over the idle connection. */
static void checks(void)
{
    flexpay_client *client = client_of("https", FLEXPAY_FLAG_TRACE);
    flexpay_transaction *transaction;
    char *order = sandbox_order(NULL);
    secrets[0] = order;
    secrets[1] = NULL;
    sandbox_fault("{\"on\":\"check\",\"action\":{\"kind\":\"html\",\"status\":502}}");
    CHECK_INT(FLEXPAY_OK, flexpay_check(client, order, &transaction, NULL));
    if (transaction == NULL)
        abort();
    check_trace(transaction->trace, "check",
                PARTS("\"attempt\":1", "\"resumed\":false", "\"status\":502",
                      "\"step\":\"pause\",\"pause_ms\":", "\"attempt\":2", "\"status\":200", "\"result\":\"OK\"}]}"));
    flexpay_transaction_free(transaction);
    CHECK_INT(FLEXPAY_OK, flexpay_check(client, order, &transaction, NULL));
    if (transaction == NULL)
        abort();
    check_trace(transaction->trace, "check",
                PARTS("\"attempt\":1", "\"step\":\"sent\",\"connection\":\"reused\"", "\"status\":200",
                      "\"result\":\"OK\"}]}"));
    CHECK(strstr(transaction->trace, "\"step\":\"connecting\"") == NULL);
    CHECK(strstr(transaction->trace, "\"step\":\"tls\"") == NULL);
    flexpay_transaction_free(transaction);
    secrets[0] = NULL;
    free(order);
    flexpay_client_free(client);
}

/* A wait, and both functions that verify, each with its own id. */
static void with_expected(void)
{
    flexpay_client *client = client_of("http", FLEXPAY_FLAG_TRACE);
    flexpay_expected expected = FLEXPAY_EXPECTED_INIT;
    flexpay_wait_options options = FLEXPAY_WAIT_OPTIONS_INIT;
    flexpay_transaction *transaction;
    flexpay_error *error;
    char reference[32], body[256];
    sandbox_quirks("{\"not_found_checks\":2}");
    char *order = sandbox_order(reference);
    sandbox_decide(order, "approve");
    expected.reference = reference;
    expected.amount = "25.50";
    expected.currency = "USD";
    expected.order_number = order;
    expected.correlation_id = "of-expected";
    options.expected = &expected;
    options.interval_ms = 20;
    options.correlation_id = "of-options";
    secrets[0] = reference;
    secrets[1] = NULL;
    CHECK_INT(FLEXPAY_OK, flexpay_wait(client, order, &options, &transaction, NULL));
    check_trace(transaction != NULL ? transaction->trace : NULL, "wait",
                PARTS("\"of-options\"", "\"attempt\":1", "\"pause\"", "\"attempt\":2", "\"pause\"",
                      "\"attempt\":3", "\"result\":\"OK\"}]}"));
    flexpay_transaction_free(transaction);
    sandbox_quirks("{\"not_found_checks\":0}");

    CHECK_INT(FLEXPAY_OK, flexpay_verify_order(client, &expected, &transaction, NULL));
    check_trace(transaction != NULL ? transaction->trace : NULL, "verify_order",
                PARTS("\"of-expected\"", "\"status\":200", "\"result\":\"OK\"}]}"));
    flexpay_transaction_free(transaction);
    snprintf(body, sizeof body, "{\"code\":\"0\",\"reference\":\"%s\",\"orderNumber\":\"%s\"}", reference,
             order);
    CHECK_INT(FLEXPAY_OK, flexpay_verify_callback(client, (const uint8_t *)body, strlen(body),
                                                  &expected, &transaction, NULL));
    check_trace(transaction != NULL ? transaction->trace : NULL, "verify_callback",
                PARTS("\"of-expected\"", "\"status\":200", "\"result\":\"OK\"}]}"));
    flexpay_transaction_free(transaction);

    expected.amount = "1";
    CHECK_INT(FLEXPAY_ERROR_MISMATCH, flexpay_verify_order(client, &expected, NULL, &error));
    check_trace(error != NULL ? error->trace : NULL, "verify_order",
                PARTS("\"status\":200", "\"result\":\"MISMATCH\",\"outcome\":\"REFUSED\"}]}"));
    flexpay_error_free(error);
    secrets[0] = NULL;
    free(order);
    flexpay_client_free(client);
}

static void failures(void)
{
    static const struct {
        const char *fault;
        const char *part, *end;
    } faults[] = {
        {"{\"kind\":\"html\",\"status\":500}", "\"status\":500",
         "\"result\":\"GATEWAY\",\"outcome\":\"UNKNOWN\"}]}"},
        {"{\"kind\":\"close_after_reading\"}", "\"step\":\"sent\"",
         "\"result\":\"CONNECTION\",\"outcome\":\"UNKNOWN\"}]}"},
        {"{\"kind\":\"malformed_json\"}", "\"status\":200",
         "\"result\":\"REPLY\",\"outcome\":\"UNKNOWN\"}]}"},
        /* A reply with other headers. Values that are no media type and no date are left out. */
        {"{\"kind\":\"reply\",\"status\":400,\"body\":\"canary\","
         "\"headers\":[[\"Content-Type\",\"text/html\\\"; x=\\\"\"],[\"Date\",\"yesterday\"],"
         "[\"Set-Cookie\",\"canary=1\"],[\"Location\",\"https://canary.example\"]]}",
         "\"status\":400,\"bytes\":6,\"complete\":true}",
         "\"result\":\"REFUSED\",\"outcome\":\"REFUSED\"}]}"},
    };
    flexpay_client *client = client_of("http", FLEXPAY_FLAG_TRACE);
    flexpay_error *error;
    secrets[0] = "canary";
    secrets[1] = NULL;
    for (size_t at = 0; at < sizeof faults / sizeof *faults; at++) {
        flexpay_payout_request request = sandbox_payout_request();
        char fault[512];
        snprintf(fault, sizeof fault, "{\"on\":\"payout\",\"action\":%s}", faults[at].fault);
        sandbox_fault(fault);
        CHECK(flexpay_payout(client, &request, NULL, &error) != FLEXPAY_OK);
        check_trace(error != NULL ? error->trace : NULL, "payout",
                    PARTS("\"attempt\":1", faults[at].part, faults[at].end));
        flexpay_error_free(error);
    }
    /* Refused by the library: no attempt. */
    flexpay_payout_request request = sandbox_payout_request();
    request.amount = "-1";
    CHECK_INT(FLEXPAY_ERROR_INVALID, flexpay_payout(client, &request, NULL, &error));
    check_trace(error != NULL ? error->trace : NULL, "payout",
                PARTS("\"steps\":[{\"ms\":",
                      "\"step\":\"end\",\"result\":\"INVALID\",\"outcome\":\"NOT_SENT\"}]}"));
    flexpay_error_free(error);
    flexpay_client_free(client);

    flexpay_config config = sandbox_config("http", FLEXPAY_API_V1_1);
    config.flags = FLEXPAY_FLAG_TRACE;
    config.mobile_url = "http://127.0.0.1:1/mobile";
    flexpay_mobile_request mobile = sandbox_mobile_request();
    CHECK_INT(FLEXPAY_OK, flexpay_client_new(&config, &client, NULL));
    CHECK_INT(FLEXPAY_ERROR_CONNECT, flexpay_pay_mobile(client, &mobile, NULL, &error));
    check_trace(error != NULL ? error->trace : NULL, "pay_mobile",
                PARTS("\"step\":\"connecting\"",
                      "\"step\":\"connect_failed\",\"address\":\"127.0.0.1:1\","
                      "\"error\":\"refused\"",
                      "\"result\":\"CONNECT\",\"outcome\":\"NOT_SENT\"}]}"));
    flexpay_error_free(error);
    flexpay_client_free(client);
    secrets[0] = NULL;
}

/* A program on Windows cannot replace a function that the library calls. */
#ifndef _WIN32

/* The host of the next test, which run.sh allows the sandbox to have. */
#define HOST "refuses.gateway.example"

/* Replaces the system's function, which the library calls. */
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **found)
{
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    if (strstr(node, ".invalid") != NULL)
        return EAI_NONAME;
    *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
    return real(strstr(node, HOST) != NULL ? "127.0.0.1" : node, service, hints, found);
}

/* The lookup of a host name, the use of its addresses by the next call, and a lookup that fails. */
static void lookups(void)
{
    flexpay_config config = sandbox_config("http", FLEXPAY_API_V1_1);
    flexpay_mobile_request request;
    flexpay_client *client;
    flexpay_payment *payment;
    flexpay_error *error;
    char url[128];
    snprintf(url, sizeof url, "http://" HOST "%s/api/rest/v1/paymentService",
             strrchr(sandbox_env("SANDBOX_URL"), ':'));
    config.flags = FLEXPAY_FLAG_TRACE | FLEXPAY_FLAG_ALLOW_PLAIN_HTTP;
    config.mobile_url = url;
    secrets[0] = NULL;
    CHECK_INT(FLEXPAY_OK, flexpay_client_new(&config, &client, NULL));
    for (int call = 0; call < 2; call++) {
        request = sandbox_mobile_request();
        CHECK_INT(FLEXPAY_OK, flexpay_pay_mobile(client, &request, &payment, NULL));
        check_trace(payment != NULL ? payment->trace : NULL, "pay_mobile",
                    PARTS("\"attempt\":1", "\"step\":\"lookup\",\"host\":\"" HOST "\"",
                          "\"step\":\"addresses\",\"addresses\":[\"127.0.0.1\"]",
                          call == 0 ? "\"cached\":false" : "\"cached\":true",
                          "\"step\":\"connected\",\"address\":\"127.0.0.1:", "\"result\":\"OK\"}]}"));
        flexpay_payment_free(payment);
    }
    flexpay_client_free(client);

    config.mobile_url = "http://gateway.invalid/mobile";
    CHECK_INT(FLEXPAY_OK, flexpay_client_new(&config, &client, NULL));
    CHECK_INT(FLEXPAY_ERROR_RESOLVE, flexpay_pay_mobile(client, &request, NULL, &error));
    check_trace(error != NULL ? error->trace : NULL, "pay_mobile",
                PARTS("\"step\":\"lookup\",\"host\":\"gateway.invalid\"",
                      "\"step\":\"lookup_failed\",\"error\":\"",
                      "\"result\":\"RESOLVE\",\"outcome\":\"NOT_SENT\"}]}"));
    flexpay_error_free(error);
    flexpay_client_free(client);
}

#endif

/* Copies the correlation id of a check's trace. */
static void id_of_a_check(flexpay_client *client, char id[32])
{
    flexpay_error *error;
    id[0] = '\0';
    CHECK_INT(FLEXPAY_ERROR_NOT_FOUND, flexpay_check(client, "none", NULL, &error));
    CHECK(error != NULL && error->trace != NULL &&
          sscanf(error->trace, "{\"call\":\"check\",\"correlation_id\":\"%31[0-9a-f]\"", id) == 1);
    flexpay_error_free(error);
}

static void ids(void)
{
    static const char *const invalid[] = {
        "", " ", "a b", "a\tb", "a\nb", "\x7f", "caf\xc3\xa9",
        "01234567890123456789012345678901234567890123456789012345678901234"};
    flexpay_client *client = client_of("http", FLEXPAY_FLAG_TRACE);
    flexpay_mobile_request request = sandbox_mobile_request();
    flexpay_error *error;
    char first[32], second[32];
    id_of_a_check(client, first);
    id_of_a_check(client, second);
    CHECK_INT(16, (long long)strlen(first));
    CHECK(strcmp(first, second) != 0);
    for (size_t at = 0; at < sizeof invalid / sizeof *invalid; at++) {
        flexpay_wait_options options = FLEXPAY_WAIT_OPTIONS_INIT;
        request.correlation_id = options.correlation_id = invalid[at];
        for (int call = 0; call < 2; call++) {
            CHECK_INT(FLEXPAY_ERROR_INVALID,
                      call == 0 ? flexpay_pay_mobile(client, &request, NULL, &error)
                                : flexpay_wait(client, "none", &options, NULL, &error));
            CHECK_STR("correlation_id", error != NULL ? error->field : "no error");
            CHECK_INT(FLEXPAY_OUTCOME_NOT_SENT, error != NULL ? error->outcome : -1);
            flexpay_error_free(error);
        }
    }
    CHECK_INT(0, sandbox_requests_with(request.reference));
    request.correlation_id = invalid[7] + 1; /* 64 characters */
    CHECK_INT(FLEXPAY_OK, flexpay_pay_mobile(client, &request, NULL, NULL));
    flexpay_client_free(client);
}

int main(void)
{
    sandbox_clear_faults();
    without_the_flag();
    requests("http");
    requests("https");
    checks();
    with_expected();
    failures();
#ifndef _WIN32
    lookups();
#endif
    ids();
    return test_end();
}
