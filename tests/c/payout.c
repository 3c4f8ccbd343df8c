/* Payouts: refused without the flag, sent at most once, and verified. A repeated payout gives money
 * away. */

#include "http.h"
#include "portable.h"
#include "sandbox.h"
#include "test.h"

#include <stdlib.h>

static flexpay_config config_with_payouts(const char *scheme)
{
    flexpay_config config = sandbox_config(scheme, FLEXPAY_API_V1_1);
    config.flags = FLEXPAY_FLAG_ALLOW_PAYOUT;
    return config;
}

static flexpay_client *client_of(const flexpay_config *config)
{
    flexpay_client *client;
    CHECK_INT(FLEXPAY_OK, flexpay_client_new(config, &client, NULL));
    return client;
}

static flexpay_expected expected_of(const flexpay_payout_request *request, const char *order)
{
    flexpay_expected expected = FLEXPAY_EXPECTED_INIT;
    expected.reference = request->reference;
    expected.amount = request->amount;
    expected.currency = request->currency;
    expected.order_number = order;
    expected.kind = FLEXPAY_KIND_PAYOUT;
    return expected;
}

/* What the sandbox has recorded at an address of its control API. */
static char *control(const char *method, const char *path, const char *body)
{
    char *reply = NULL;
    CHECK_INT(200, http_exchange(sandbox_env("SANDBOX_URL"), method, path, body, &reply));
    if (reply == NULL)
        abort();
    return reply;
}

/* The merchant's dollars, in cents. */
static long balance_minor(void)
{
    char *reply = control("GET", "/sandbox/api/balance", NULL);
    const char *found = strstr(reply, "\"usd\":\"");
    long dollars = 0, cents = 0;
    CHECK(found != NULL && sscanf(found, "\"usd\":\"%ld.%2ld", &dollars, &cents) >= 1);
    free(reply);
    return dollars * 100 + cents;
}

/* How many connections wait on a listener: 0 or 1. */
static int has_connection(socket_handle listener)
{
    struct timeval now = {0, 0};
    fd_set waiting;
    FD_ZERO(&waiting);
    FD_SET(listener, &waiting);
    return select((int)listener + 1, &waiting, NULL, NULL, &now); /* Windows ignores the first argument */
}

/* A client without the flag opens no connection. This listener would see one: the kernel completes it
 * before the library's connect returns. */
static void not_allowed(void)
{
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    start_sockets();
    socket_handle listener = socket(AF_INET, SOCK_STREAM, 0);
    char url[64];
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK_INT(0, bind(listener, (struct sockaddr *)&address, length));
    CHECK_INT(0, listen(listener, 8));
    CHECK_INT(0, getsockname(listener, (struct sockaddr *)&address, &length));
    snprintf(url, sizeof url, "http://127.0.0.1:%d/payout", ntohs(address.sin_port));

    flexpay_config config = sandbox_config("http", FLEXPAY_API_V1_1);
    /* Every flag but the one. */
    config.flags = FLEXPAY_FLAG_ALLOW_PLAIN_HTTP | FLEXPAY_FLAG_CHECK_ONCE | FLEXPAY_FLAG_SYSTEM_ROOTS |
                   FLEXPAY_FLAG_PRIVATE_CONNECTIONS | FLEXPAY_FLAG_TRACE;
    config.payout_url = url;
    config.timeout_ms = 2000;
    flexpay_client *client = client_of(&config);
    flexpay_payout_request request = sandbox_payout_request();
    flexpay_payment *payment;
    flexpay_error *error;
    CHECK_INT(FLEXPAY_ERROR_INVALID, flexpay_payout(client, &request, &payment, &error));
    CHECK(payment == NULL);
    CHECK(error != NULL);
    if (error != NULL) {
        CHECK_STR("allow_payout", error->field);
        CHECK_INT(FLEXPAY_OUTCOME_NOT_SENT, error->outcome);
        CHECK_INT(0, error->http_status);
        CHECK_STR(NULL, error->order_number);
    }
    flexpay_error_free(error);
    CHECK_INT(0, has_connection(listener));
    CHECK_INT(0, sandbox_requests_with(request.reference));
    flexpay_client_free(client);

    /* With the flag, the same listener does see a connection. */
    config.flags = FLEXPAY_FLAG_ALLOW_PAYOUT;
    config.timeout_ms = 1000;
    client = client_of(&config);
    CHECK_INT(FLEXPAY_ERROR_TIMEOUT, flexpay_payout(client, &request, NULL, NULL));
    CHECK_INT(1, has_connection(listener));
    flexpay_client_free(client);
    close_socket(listener);
}

static void accepted(const char *scheme)
{
    flexpay_config config = config_with_payouts(scheme);
    flexpay_client *client = client_of(&config);
    flexpay_payout_request request = sandbox_payout_request();
    flexpay_payment *payment;
    flexpay_transaction *transaction;
    flexpay_error *error;
    long before = balance_minor();
    request.phone = "+243 (97) 234-56.78";
    CHECK_INT(FLEXPAY_OK, flexpay_payout(client, &request, &payment, &error));
    CHECK_STR(NULL, error != NULL ? error->message : NULL);
    CHECK(payment != NULL);
    if (payment != NULL) {
        CHECK_STR("0", payment->code);
        CHECK_STR("Transaction envoy\xc3\xa9"
                  "e avec succ\xc3\xa8s.",
                  payment->message);
        CHECK_STR(NULL, payment->redirect_url);
        CHECK_STR(NULL, payment->page);
        CHECK_STR(NULL, payment->trace);

        char *recorded = sandbox_recorded(payment->order_number);
        CHECK(strstr(recorded, "\"kind\":\"payout\"") != NULL);
        CHECK(strstr(recorded, "\"phone\":\"243972345678\"") != NULL);
        CHECK(strstr(recorded, "\"amount\":\"25.5\"") != NULL);
        CHECK(strstr(recorded, "\"callback_url\":\"https://shop.example/callback\"") != NULL);
        free(recorded);

        /* The sandbox has paid it out. */
        flexpay_expected expected = expected_of(&request, payment->order_number);
        CHECK_INT(FLEXPAY_OK, flexpay_verify_order(client, &expected, &transaction, NULL));
        CHECK_INT(FLEXPAY_STATE_PAID, transaction != NULL ? transaction->state : -1);
        CHECK_STR("airtel", transaction != NULL ? transaction->channel : NULL);
        flexpay_transaction_free(transaction);
    }
    CHECK_INT(before - 2550, balance_minor());
    CHECK_INT(1, sandbox_requests_with(request.reference));
    flexpay_payment_free(payment);
    flexpay_error_free(error);
    flexpay_client_free(client);
}

/* The beneficiary does not have the money at once, or does not get it. */
static void verified(void)
{
    static const struct {
        const char *decision; /* NULL: not decided yet */
        int32_t state;
    } states[] = {
        {NULL, FLEXPAY_STATE_PENDING},
        {"approve", FLEXPAY_STATE_PAID},
        {"decline", FLEXPAY_STATE_FAILED},
        {"refunded", FLEXPAY_STATE_REFUNDED},
    };
    flexpay_config config = config_with_payouts("http");
    flexpay_client *client = client_of(&config);
    sandbox_quirks("{\"hold_payouts\":true}");
    for (size_t at = 0; at < sizeof states / sizeof *states; at++) {
        flexpay_payout_request request = sandbox_payout_request();
        flexpay_payment *payment;
        flexpay_transaction *transaction;
        CHECK_INT(FLEXPAY_OK, flexpay_payout(client, &request, &payment, NULL));
        if (payment == NULL)
            abort();
        if (states[at].decision != NULL)
            sandbox_decide(payment->order_number, states[at].decision);
        flexpay_expected expected = expected_of(&request, payment->order_number);
        CHECK_INT(FLEXPAY_OK, flexpay_verify_order(client, &expected, &transaction, NULL));
        CHECK_INT(states[at].state, transaction != NULL ? transaction->state : -1);
        flexpay_transaction_free(transaction);
        flexpay_payment_free(payment);
    }
    sandbox_quirks("{\"hold_payouts\":false}");
    flexpay_client_free(client);
}

/* A callback about a payout is verified only with the order number that the program recorded, or with a
 * signed address. */
static void callback(void)
{
    flexpay_config config = config_with_payouts("http");
    flexpay_client *client = client_of(&config);
    flexpay_payout_request request = sandbox_payout_request();
    flexpay_payment *payment;
    flexpay_transaction *transaction;
    flexpay_error *error;
    char body[256], query[256] = "";
    CHECK_INT(FLEXPAY_OK, flexpay_payout(client, &request, &payment, NULL));
    if (payment == NULL)
        abort();
    snprintf(body, sizeof body, "{\"code\":\"0\",\"reference\":\"%s\",\"orderNumber\":\"%s\"}",
             request.reference, payment->order_number);
    flexpay_expected expected = expected_of(&request, NULL);
#define VERIFY(transaction)                                                                        \
    flexpay_verify_callback(client, (const uint8_t *)body, strlen(body), &expected, transaction, &error)
    CHECK_INT(FLEXPAY_ERROR_INVALID, VERIFY(NULL));
    CHECK_STR("order_number", error != NULL ? error->field : "no error");
    CHECK_INT(FLEXPAY_OUTCOME_NOT_SENT, error != NULL ? error->outcome : -1);
    flexpay_error_free(error);
    expected.order_number = payment->order_number;
    CHECK_INT(FLEXPAY_OK, VERIFY(&transaction));
    CHECK_INT(FLEXPAY_STATE_PAID, transaction != NULL ? transaction->state : -1);
    flexpay_transaction_free(transaction);
    flexpay_error_free(error);
    flexpay_payment_free(payment);
    flexpay_client_free(client);

    config.callback_secret = "a secret of the shop, made for this test";
    client = client_of(&config);
    request.reference = sandbox_reference();
    CHECK_INT(FLEXPAY_OK, flexpay_payout(client, &request, &payment, NULL));
    if (payment == NULL)
        abort();
    snprintf(body, sizeof body, "{\"code\":\"0\",\"reference\":\"%s\",\"orderNumber\":\"%s\"}",
             request.reference, payment->order_number);
    char *recorded = sandbox_recorded(payment->order_number);
    const char *found = strstr(recorded, "/callback?");
    CHECK(found != NULL && sscanf(found, "/callback?%255[^\"]", query) == 1);
    free(recorded);
    expected = expected_of(&request, NULL);
    expected.query = query;
    CHECK_INT(FLEXPAY_OK, VERIFY(NULL));
    flexpay_error_free(error);
    expected.kind = FLEXPAY_KIND_MOBILE;
    CHECK_INT(FLEXPAY_ERROR_MISMATCH, VERIFY(NULL));
    CHECK_STR("query", error != NULL ? error->field : "no error");
    flexpay_error_free(error);
#undef VERIFY
    flexpay_payment_free(payment);
    flexpay_client_free(client);
}

/* The gateway has received the payout, and there is no usable reply: the outcome is UNKNOWN, and the
 * gateway has received it once. `moved`: whether the gateway has paid. */
static void unknown(const char *scheme)
{
    static const struct {
        const char *action;
        flexpay_result result;
        int moved;
    } faults[] = {
        {"{\"kind\":\"reset_after_reading\"}", FLEXPAY_ERROR_CONNECTION, 1},
        {"{\"kind\":\"close_after_reading\"}", FLEXPAY_ERROR_CONNECTION, 1},
        {"{\"kind\":\"cut_after\",\"bytes\":60}", FLEXPAY_ERROR_CONNECTION, 1},
        {"{\"kind\":\"html\",\"status\":500,\"record\":true}", FLEXPAY_ERROR_GATEWAY, 1},
        {"{\"kind\":\"html\",\"status\":500}", FLEXPAY_ERROR_GATEWAY, 0},
        {"{\"kind\":\"html\",\"status\":200,\"record\":true}", FLEXPAY_ERROR_REPLY, 1},
        {"{\"kind\":\"malformed_json\"}", FLEXPAY_ERROR_REPLY, 1},
        {"{\"kind\":\"stall_after\",\"bytes\":0}", FLEXPAY_ERROR_TIMEOUT, 1},
    };
    flexpay_config config = config_with_payouts(scheme);
    config.timeout_ms = 2000;
    flexpay_client *client = client_of(&config);
    for (size_t at = 0; at < sizeof faults / sizeof *faults; at++) {
        flexpay_payout_request request = sandbox_payout_request();
        flexpay_payment *payment;
        flexpay_error *error;
        char fault[256];
        long before = balance_minor();
        /* It would be applied to a second request too. */
        snprintf(fault, sizeof fault, "{\"on\":\"payout\",\"times\":2,\"action\":%s}", faults[at].action);
        sandbox_fault(fault);
        CHECK_INT(faults[at].result, flexpay_payout(client, &request, &payment, &error));
        CHECK(payment == NULL);
        CHECK(error != NULL);
        if (error != NULL) {
            CHECK_INT(FLEXPAY_OUTCOME_UNKNOWN, error->outcome);
            CHECK(strstr(error->message, request.reference) != NULL);
        }
        CHECK_INT(1, sandbox_requests_with(request.reference));
        CHECK_INT(before - (faults[at].moved ? 2550 : 0), balance_minor());
        flexpay_error_free(error);
        sandbox_clear_faults();
    }
    flexpay_client_free(client);
}

/* Which HTTP statuses are refusals. Everything else leaves the outcome unknown. */
static void statuses(void)
{
    static const struct {
        int status;
        const char *body; /* JSON, escaped */
        int32_t outcome;
        flexpay_result result;
    } replies[] = {
        {400, "{}", FLEXPAY_OUTCOME_REFUSED, FLEXPAY_ERROR_REFUSED},
        {401, "{}", FLEXPAY_OUTCOME_REFUSED, FLEXPAY_ERROR_UNAUTHORIZED},
        {403, "{}", FLEXPAY_OUTCOME_REFUSED, FLEXPAY_ERROR_UNAUTHORIZED},
        {404, "{}", FLEXPAY_OUTCOME_REFUSED, FLEXPAY_ERROR_REFUSED},
        {405, "{}", FLEXPAY_OUTCOME_REFUSED, FLEXPAY_ERROR_REFUSED},
        {422, "{}", FLEXPAY_OUTCOME_REFUSED, FLEXPAY_ERROR_REFUSED},
        {200, "{\\\"code\\\":\\\"1\\\"}", FLEXPAY_OUTCOME_REFUSED, FLEXPAY_ERROR_REFUSED},
        {200, "{\\\"code\\\":7}", FLEXPAY_OUTCOME_UNKNOWN, FLEXPAY_ERROR_GATEWAY},
        {200, "{\\\"code\\\":0}", FLEXPAY_OUTCOME_UNKNOWN, FLEXPAY_ERROR_REPLY},
        {200, "{}", FLEXPAY_OUTCOME_UNKNOWN, FLEXPAY_ERROR_REPLY},
        {200, "", FLEXPAY_OUTCOME_UNKNOWN, FLEXPAY_ERROR_REPLY},
        {400, "{\\\"code\\\":\\\"1\\\",\\\"orderNumber\\\":\\\"O1\\\"}", FLEXPAY_OUTCOME_UNKNOWN,
         FLEXPAY_ERROR_REPLY},
        {302, "", FLEXPAY_OUTCOME_UNKNOWN, FLEXPAY_ERROR_REPLY},
        {408, "{}", FLEXPAY_OUTCOME_UNKNOWN, FLEXPAY_ERROR_GATEWAY},
        {409, "{}", FLEXPAY_OUTCOME_UNKNOWN, FLEXPAY_ERROR_GATEWAY},
        {429, "{}", FLEXPAY_OUTCOME_UNKNOWN, FLEXPAY_ERROR_GATEWAY},
        {500, "{\\\"code\\\":\\\"1\\\"}", FLEXPAY_OUTCOME_UNKNOWN, FLEXPAY_ERROR_GATEWAY},
        {503, "{}", FLEXPAY_OUTCOME_UNKNOWN, FLEXPAY_ERROR_GATEWAY},
    };
    flexpay_config config = config_with_payouts("http");
    flexpay_client *client = client_of(&config);
    for (size_t at = 0; at < sizeof replies / sizeof *replies; at++) {
        flexpay_payout_request request = sandbox_payout_request();
        flexpay_error *error;
        char fault[256];
        snprintf(fault, sizeof fault,
                 "{\"on\":\"payout\",\"action\":{\"kind\":\"reply\",\"status\":%d,\"body\":\"%s\","
                 "\"headers\":[[\"Location\",\"https://elsewhere.example/\"]]}}",
                 replies[at].status, replies[at].body);
        sandbox_fault(fault);
        flexpay_result result = flexpay_payout(client, &request, NULL, &error);
        if (result != replies[at].result || error->outcome != replies[at].outcome) {
            CHECK(!"the result and the outcome are right");
            printf("  HTTP %d %s: %s\n", replies[at].status, replies[at].body,
                   error != NULL ? error->message : "no error");
        }
        CHECK_INT(replies[at].status, error != NULL ? error->http_status : -1);
        CHECK_INT(1, sandbox_requests_with(request.reference));
        flexpay_error_free(error);
    }
    flexpay_client_free(client);
}

/* Nothing of the payout left this machine. */
static void not_sent(void)
{
    flexpay_config config = config_with_payouts("http");
    config.payout_url = "http://127.0.0.1:1/payout";
    flexpay_client *client = client_of(&config);
    flexpay_payout_request request = sandbox_payout_request();
    flexpay_error *error;
    CHECK_INT(FLEXPAY_ERROR_CONNECT, flexpay_payout(client, &request, NULL, &error));
    CHECK_INT(FLEXPAY_OUTCOME_NOT_SENT, error != NULL ? error->outcome : -1);
    flexpay_error_free(error);
    flexpay_client_free(client);

    config = config_with_payouts("https");
    config.ca_file = NULL;
    client = client_of(&config);
    CHECK_INT(FLEXPAY_ERROR_TLS, flexpay_payout(client, &request, NULL, &error));
    CHECK_INT(FLEXPAY_OUTCOME_NOT_SENT, error != NULL ? error->outcome : -1);
    CHECK_INT(0, sandbox_requests_with(request.reference));
    flexpay_error_free(error);
    flexpay_client_free(client);
}

/* An idle connection may be closed already, so a payout always opens one of its own. The sandbox numbers
 * the requests of a connection from 1. */
static void on_a_new_connection(void)
{
    flexpay_config config = config_with_payouts("https");
    flexpay_client *client = client_of(&config);
    char *order = sandbox_order(NULL);
    for (int times = 0; times < 2; times++) {
        flexpay_payout_request request = sandbox_payout_request();
        CHECK_INT(FLEXPAY_OK, flexpay_check(client, order, NULL, NULL)); /* leaves an idle connection */
        CHECK_INT(FLEXPAY_OK, flexpay_payout(client, &request, NULL, NULL));
        char *all = control("GET", "/sandbox/api/requests", NULL);
        char *record = strstr(all, request.reference);
        CHECK(record != NULL);
        if (record != NULL) {
            static const char key[] = "\"sequence\":";
            *record = '\0';
            const char *last = NULL;
            for (const char *at = all; (at = strstr(at, key)) != NULL; at += strlen(key))
                last = at;
            CHECK_INT(1, last != NULL ? atoi(last + strlen(key)) : -1);
        }
        free(all);
    }
    free(order);
    flexpay_client_free(client);
}

int main(void)
{
    sandbox_clear_faults();
    free(control("PATCH", "/sandbox/api/balance", "{\"usd\":\"5000\"}"));
    not_allowed();
    accepted("http");
    accepted("https");
    verified();
    callback();
    unknown("http");
    unknown("https");
    statuses();
    not_sent();
    on_a_new_connection();
    return test_end();
}
