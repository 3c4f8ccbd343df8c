/* Payment requests: both APIs of the gateway, over http and https. */

#include "http.h"
#include "sandbox.h"
#include "test.h"

#include <stdlib.h>

static void accepted(const char *scheme, int32_t api)
{
    flexpay_client *client = sandbox_client(scheme, api);
    flexpay_payment_request request = sandbox_request();
    flexpay_payment *payment;
    flexpay_error *error;
    CHECK_INT(FLEXPAY_OK, flexpay_pay(client, &request, &payment, &error));
    CHECK_STR(NULL, error != NULL ? error->message : NULL);
    CHECK(payment != NULL);
    if (payment != NULL) {
        const char *server =
            sandbox_env(scheme[4] == 's' ? "SANDBOX_HTTPS_URL" : "SANDBOX_URL");
        CHECK(payment->redirect_url != NULL &&
              strncmp(payment->redirect_url, server, strlen(server)) == 0);
        CHECK_STR(NULL, payment->page);
        if (api == FLEXPAY_API_V1_1) {
            CHECK(payment->order_number != NULL);
            CHECK_STR("0", payment->code);
            CHECK_STR("Redirection en cours", payment->message);
        } else {
            CHECK_STR(NULL, payment->order_number);
            CHECK_STR(NULL, payment->code);
            CHECK_STR(NULL, payment->message);
        }
    }
    CHECK_INT(1, sandbox_requests_with(request.reference));
    flexpay_payment_free(payment);
    flexpay_error_free(error);
    flexpay_client_free(client);
}

/* The gateway receives exactly the values of the request. */
static void values_arrive_unchanged(int32_t api)
{
    static const char *const expected[] = {
        "\"amount\":\"0.10\"", "\"currency\":\"USD\"",
        "\"description\":\"Caf\xc3\xa9 & <pain> \xe2\x82\xac 100%+1=?\"",
        "\"approve_url\":\"https://shop.example/ok?a=1&b=%20#x\""};
    flexpay_client *client = sandbox_client("http", api);
    flexpay_payment_request request = sandbox_request();
    char *all = NULL;
    request.amount = "0.10";
    request.description = "Caf\xc3\xa9 & <pain> \xe2\x82\xac 100%+1=?";
    request.approve_url = "https://shop.example/ok?a=1&b=%20#x";
    CHECK_INT(FLEXPAY_OK, flexpay_pay(client, &request, NULL, NULL));
    CHECK_INT(200, http_exchange(sandbox_env("SANDBOX_URL"), "GET", "/sandbox/api/payments", NULL,
                                 &all));
    char *payment = all != NULL ? strstr(all, request.reference) : NULL;
    CHECK(payment != NULL);
    for (size_t at = 0; payment != NULL && at < sizeof expected / sizeof *expected; at++) {
        char *found = strstr(payment, expected[at]);
        CHECK(found != NULL);
        if (found == NULL)
            printf("  %s\n", expected[at]);
    }
    free(all);
    flexpay_client_free(client);
}

/* A certificate of an unknown authority: nothing is sent. */
static void untrusted_certificate(void)
{
    flexpay_config config = sandbox_config("https", FLEXPAY_API_V1_1);
    flexpay_payment_request request = sandbox_request();
    flexpay_client *client;
    flexpay_error *error;
    config.ca_file = NULL;
    CHECK_INT(FLEXPAY_OK, flexpay_client_new(&config, &client, NULL));
    CHECK_INT(FLEXPAY_ERROR_TLS, flexpay_pay(client, &request, NULL, &error));
    CHECK_INT(FLEXPAY_OUTCOME_NOT_SENT, error != NULL ? error->outcome : -1);
    CHECK_INT(0, sandbox_requests_with(request.reference));
    flexpay_error_free(error);
    flexpay_client_free(client);
}

/* No server listens on the port: nothing is sent. */
static void connection_refused(void)
{
    flexpay_config config = sandbox_config("http", FLEXPAY_API_V1_1);
    flexpay_payment_request request = sandbox_request();
    flexpay_client *client;
    flexpay_error *error;
    config.pay_url = "http://127.0.0.1:1/pay";
    CHECK_INT(FLEXPAY_OK, flexpay_client_new(&config, &client, NULL));
    CHECK_INT(FLEXPAY_ERROR_CONNECT, flexpay_pay(client, &request, NULL, &error));
    CHECK_INT(FLEXPAY_OUTCOME_NOT_SENT, error != NULL ? error->outcome : -1);
    flexpay_error_free(error);
    flexpay_client_free(client);
}

/* Each kind of unusable reply, and the outcome that it leads to. */
static void unusable_reply(void)
{
    static const struct {
        const char *action;
        flexpay_result result;
    } faults[] = {
        {"{\"kind\":\"html\",\"status\":500,\"record\":true}", FLEXPAY_ERROR_GATEWAY},
        {"{\"kind\":\"html\",\"status\":200,\"record\":true}", FLEXPAY_ERROR_REPLY},
        {"{\"kind\":\"malformed_json\"}", FLEXPAY_ERROR_REPLY},
        {"{\"kind\":\"reply\",\"status\":200,\"body\":\"\",\"record\":true}", FLEXPAY_ERROR_REPLY},
        {"{\"kind\":\"reply\",\"status\":429,\"body\":\"{}\"}", FLEXPAY_ERROR_GATEWAY},
        {"{\"kind\":\"close_after_reading\"}", FLEXPAY_ERROR_CONNECTION},
        {"{\"kind\":\"stall_after\",\"bytes\":0}", FLEXPAY_ERROR_TIMEOUT},
        {"{\"kind\":\"stall_after\",\"bytes\":150}", FLEXPAY_ERROR_TIMEOUT},
    };
    flexpay_config config = sandbox_config("http", FLEXPAY_API_V1_1);
    flexpay_client *client;
    config.timeout_ms = 1500;
    CHECK_INT(FLEXPAY_OK, flexpay_client_new(&config, &client, NULL));
    for (size_t at = 0; at < sizeof faults / sizeof *faults; at++) {
        flexpay_payment_request request = sandbox_request();
        flexpay_error *error;
        char fault[256];
        snprintf(fault, sizeof fault, "{\"on\":\"pay\",\"action\":%s}", faults[at].action);
        sandbox_fault(fault);
        CHECK_INT(faults[at].result, flexpay_pay(client, &request, NULL, &error));
        CHECK_INT(FLEXPAY_OUTCOME_UNKNOWN, error != NULL ? error->outcome : -1);
        /* A payment request is sent at most once. */
        CHECK_INT(1, sandbox_requests_with(request.reference));
        flexpay_error_free(error);
    }
    sandbox_clear_faults();
    flexpay_client_free(client);
}

/* A page that submits itself is returned whole. */
static void page_instead_of_a_url(void)
{
    flexpay_client *client = sandbox_client("http", FLEXPAY_API_V1);
    flexpay_payment_request request = sandbox_request();
    flexpay_payment *payment;
    const char *server = sandbox_env("SANDBOX_URL");
    CHECK_INT(200, http_exchange(server, "PATCH", "/sandbox/api/quirks",
                                 "{\"reply_style\":\"self_submit\"}", NULL));
    CHECK_INT(FLEXPAY_OK, flexpay_pay(client, &request, &payment, NULL));
    CHECK_INT(200, http_exchange(server, "PATCH", "/sandbox/api/quirks",
                                 "{\"reply_style\":\"html\"}", NULL));
    CHECK(payment != NULL && payment->redirect_url == NULL);
    CHECK(payment != NULL && payment->page != NULL && strstr(payment->page, "<form") != NULL);
    flexpay_payment_free(payment);
    flexpay_client_free(client);
}

int main(void)
{
    sandbox_clear_faults();
    accepted("http", FLEXPAY_API_V1);
    accepted("http", FLEXPAY_API_V1_1);
    accepted("https", FLEXPAY_API_V1);
    accepted("https", FLEXPAY_API_V1_1);
    values_arrive_unchanged(FLEXPAY_API_V1);
    values_arrive_unchanged(FLEXPAY_API_V1_1);
    untrusted_certificate();
    connection_refused();
    unusable_reply();
    page_instead_of_a_url();
    return test_end();
}
