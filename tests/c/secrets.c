/* No error and no trace contains the token, even if the gateway's reply repeats it. */

#include "sandbox.h"
#include "test.h"

#include <stdlib.h>

static void check_no_secret(const char *secret, const flexpay_error *error)
{
    CHECK(strstr(error->message, secret) == NULL);
    CHECK(error->field == NULL || strstr(error->field, secret) == NULL);
    CHECK(error->gateway_code == NULL || strstr(error->gateway_code, secret) == NULL);
    CHECK(error->gateway_message == NULL || strstr(error->gateway_message, secret) == NULL);
    CHECK(error->trace == NULL || strstr(error->trace, secret) == NULL);
}

/* A request that must fail. */
static void fails(flexpay_result result, flexpay_error *error, const char *secret)
{
    CHECK(result != FLEXPAY_OK);
    CHECK(error != NULL);
    if (error != NULL) {
        check_no_secret(secret, error);
        CHECK(error->trace != NULL);
    }
    flexpay_error_free(error);
}

static void pay_fails(const flexpay_config *config, const char *secret)
{
    static const int32_t apis[] = {FLEXPAY_API_V1, FLEXPAY_API_V1_1};
    for (size_t at = 0; at < 2; at++) {
        flexpay_config own = *config;
        flexpay_client *client;
        flexpay_payment_request request = sandbox_request();
        flexpay_error *error;
        own.api = apis[at];
        own.flags |= FLEXPAY_FLAG_TRACE;
        CHECK_INT(FLEXPAY_OK, flexpay_client_new(&own, &client, NULL));
        flexpay_result result = flexpay_pay(client, &request, NULL, &error);
        fails(result, error, secret);
        flexpay_client_free(client);
    }
}

static void mobile_money_fails(const flexpay_config *config, const char *secret)
{
    flexpay_config own = *config;
    flexpay_client *client;
    flexpay_mobile_request mobile = sandbox_mobile_request();
    flexpay_error *error;
    own.flags |= FLEXPAY_FLAG_TRACE | FLEXPAY_FLAG_ALLOW_PAYOUT;
    /* A caller who gives the token as the id of the call. */
    if (strcmp(config->token, secret) == 0)
        mobile.correlation_id = secret;
    CHECK_INT(FLEXPAY_OK, flexpay_client_new(&own, &client, NULL));
    flexpay_result result = flexpay_pay_mobile(client, &mobile, NULL, &error);
    fails(result, error, secret);
    flexpay_payout_request payout = sandbox_payout_request();
    result = flexpay_payout(client, &payout, NULL, &error);
    fails(result, error, secret);
    flexpay_client_free(client);
}

static void check_fails(const flexpay_config *config, const char *secret)
{
    flexpay_config own = *config;
    flexpay_client *client;
    flexpay_error *error;
    own.flags |= FLEXPAY_FLAG_TRACE;
    CHECK_INT(FLEXPAY_OK, flexpay_client_new(&own, &client, NULL));
    flexpay_result result = flexpay_check(client, "1", NULL, &error);
    fails(result, error, secret);
    flexpay_client_free(client);
}

/* The gateway, a proxy or a debugging page repeats what it was sent. */
static void repeated_by_gateway(const char *secret)
{
    static const char *const bodies[] = {
        "{\\\"code\\\":\\\"%s\\\",\\\"message\\\":\\\"%s\\\"}",
        "{\\\"status\\\":\\\"%s\\\",\\\"error\\\":\\\"bad token Bearer %s\\\"}",
        "<html><title>%s</title><body>Authorization: Bearer %s</body></html>",
        "%s %s",
    };
    static const int statuses[] = {200, 400, 401, 500};
    flexpay_config config = sandbox_config("http", FLEXPAY_API_V1_1);
    config.token = secret;
    config.flags = FLEXPAY_FLAG_CHECK_ONCE;
    for (size_t at = 0; at < sizeof bodies / sizeof *bodies; at++)
        for (size_t status = 0; status < 4; status++) {
            char body[512], fault[1024];
            snprintf(body, sizeof body, bodies[at], secret, secret);
            snprintf(fault, sizeof fault,
                     "{\"times\":5,\"action\":{\"kind\":\"reply\",\"status\":%d,\"body\":\"%s\","
                     "\"headers\":[[\"Content-Type\",\"text/html; token=%s\"],[\"Date\",\"Bearer %s\"],"
                     "[\"X-Token\",\"%s\"]]}}",
                     statuses[status], body, secret, secret, secret);
            sandbox_fault(fault);
            pay_fails(&config, secret);
            mobile_money_fails(&config, secret);
            check_fails(&config, secret);
            sandbox_clear_faults();
        }
}

/* The error for a refused setting does not repeat its value if that contains a secret. */
static void refused_settings(void)
{
    static const char secret[] = "canary-token";
    static const char *const tokens[] = {"canary-token with spaces", "canary-token\r\nX: y",
                                         "Bearer Bearer canary-token\x01"};
    flexpay_error *error;
    for (size_t at = 0; at < sizeof tokens / sizeof *tokens; at++) {
        flexpay_config config = sandbox_config("http", FLEXPAY_API_V1_1);
        config.token = tokens[at];
        CHECK_INT(FLEXPAY_ERROR_INVALID, flexpay_client_new(&config, NULL, &error));
        if (error != NULL)
            check_no_secret(secret, error);
        flexpay_error_free(error);
    }
    flexpay_config config = sandbox_config("http", FLEXPAY_API_V1_1);
    config.proxy = "ftp://till:canary-token@proxy.example:3128";
    CHECK_INT(FLEXPAY_ERROR_INVALID, flexpay_client_new(&config, NULL, &error));
    if (error != NULL)
        check_no_secret(secret, error);
    flexpay_error_free(error);
}

/* A call that succeeds has a trace too. */
static void succeeds(void)
{
    flexpay_config config = sandbox_config("https", FLEXPAY_API_V1_1);
    flexpay_client *client;
    flexpay_mobile_request request = sandbox_mobile_request();
    flexpay_payment *payment;
    flexpay_transaction *transaction;
    config.flags = FLEXPAY_FLAG_TRACE;
    CHECK_INT(FLEXPAY_OK, flexpay_client_new(&config, &client, NULL));
    CHECK_INT(FLEXPAY_OK, flexpay_pay_mobile(client, &request, &payment, NULL));
    CHECK(payment != NULL && payment->trace != NULL);
    if (payment != NULL && payment->trace != NULL) {
        CHECK(strstr(payment->trace, config.token) == NULL);
        CHECK_INT(FLEXPAY_OK, flexpay_check(client, payment->order_number, &transaction, NULL));
        CHECK(transaction != NULL && strstr(transaction->trace, config.token) == NULL);
        flexpay_transaction_free(transaction);
    }
    flexpay_payment_free(payment);
    flexpay_client_free(client);
}

int main(void)
{
    static const char secret[] = "canary-5b1f0c-token";
    flexpay_config config = sandbox_config("http", FLEXPAY_API_V1_1);
    sandbox_clear_faults();
    config.token = secret;
    pay_fails(&config, secret); /* not the sandbox's token */
    mobile_money_fails(&config, secret);
    check_fails(&config, secret);
    config.pay_url = config.check_url = config.mobile_url = "http://127.0.0.1:1";
    config.payout_url = "http://127.0.0.1:1/payout";
    pay_fails(&config, secret);
    mobile_money_fails(&config, secret);
    repeated_by_gateway(secret);
    succeeds();
    refused_settings();
    /* An unreachable proxy: its password is a secret too. */
    config = sandbox_config("http", FLEXPAY_API_V1_1);
    config.pay_url = config.mobile_url = "https://gateway.example/pay";
    config.payout_url = "https://gateway.example/payout";
    config.proxy = "http://till:canary-5b1f0c-token@127.0.0.1:1";
    config.flags |= FLEXPAY_FLAG_ALLOW_PLAIN_HTTP; /* 127.0.0.1 is resolved by the proxy */
    pay_fails(&config, secret);
    mobile_money_fails(&config, secret);
    return test_end();
}
