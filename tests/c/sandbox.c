#include "sandbox.h"

#include "http.h"
#include "portable.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void fail(const char *what, const char *detail)
{
    fprintf(stderr, "%s: %s\n", what, detail);
    exit(2);
}

const char *sandbox_env(const char *name)
{
    const char *value = getenv(name);
    if (value == NULL || *value == '\0')
        fail("not set; start the tests with run.sh", name);
    return value;
}

static void control(const char *method, const char *path, const char *body)
{
    int status = http_exchange(sandbox_env("SANDBOX_URL"), method, path, body, NULL);
    if (status < 200 || status > 299)
        fail("the sandbox refused", path);
}

flexpay_config sandbox_config(const char *scheme, int32_t api)
{
    static char pay_url[128], check_url[128], mobile_url[128], payout_url[128];
    /* Copies: on Windows, setenv may move the other variables. */
    static char merchant[64], token[512], ca_file[512];
    int secure = strcmp(scheme, "https") == 0;
    const char *server = sandbox_env(secure ? "SANDBOX_HTTPS_URL" : "SANDBOX_URL");
    flexpay_config config = FLEXPAY_CONFIG_INIT;
    snprintf(pay_url, sizeof pay_url, "%s/%s/pay", server,
             api == FLEXPAY_API_V1_1 ? "v1.1" : "v1");
    snprintf(check_url, sizeof check_url, "%s/api/rest/v1/check", server);
    snprintf(mobile_url, sizeof mobile_url, "%s/api/rest/v1/paymentService", server);
    snprintf(payout_url, sizeof payout_url, "%s/api/rest/v1/merchantPayOutService", server);
    snprintf(merchant, sizeof merchant, "%s", sandbox_env("FLEXPAY_MERCHANT"));
    snprintf(token, sizeof token, "%s", sandbox_env("FLEXPAY_TOKEN"));
    snprintf(ca_file, sizeof ca_file, "%s", sandbox_env("FLEXPAY_CA_FILE"));
    config.merchant = merchant;
    config.token = token;
    config.api = api;
    config.pay_url = pay_url;
    config.check_url = check_url;
    config.mobile_url = mobile_url;
    config.payout_url = payout_url;
    config.ca_file = secure ? ca_file : NULL;
    return config;
}

flexpay_client *sandbox_client(const char *scheme, int32_t api)
{
    flexpay_config config = sandbox_config(scheme, api);
    flexpay_client *client;
    flexpay_error *error;
    if (flexpay_client_new(&config, &client, &error) != FLEXPAY_OK)
        fail("cannot create a client", error != NULL ? error->message : "no error");
    return client;
}

const char *sandbox_reference(void)
{
    static char reference[32];
    static unsigned count;
    /* The gateway accepts at most 25 characters. */
    snprintf(reference, sizeof reference, "C%lx-%lx-%x", (unsigned long)time(NULL),
             process_number(), ++count);
    return reference;
}

const char *sandbox_journal(void)
{
    static char path[512];
    static unsigned count;
    snprintf(path, sizeof path, "%s/%lx-%x.db", sandbox_env("TEST_FOLDER"), process_number(),
             ++count);
    return path;
}

flexpay_client *sandbox_journal_client(const char *journal)
{
    flexpay_config config = sandbox_config("http", FLEXPAY_API_V1_1);
    flexpay_client *client;
    flexpay_error *error;
    config.flags = FLEXPAY_FLAG_ALLOW_PAYOUT;
    config.journal = journal;
    if (flexpay_client_new(&config, &client, &error) != FLEXPAY_OK)
        fail("cannot create a client", error != NULL ? error->message : "no error");
    return client;
}

flexpay_payment_request sandbox_request(void)
{
    flexpay_payment_request request = FLEXPAY_PAYMENT_REQUEST_INIT;
    request.reference = sandbox_reference();
    request.amount = "25.50";
    request.currency = "USD";
    request.description = "Une \xc3\xa9preuve";
    request.callback_url = "https://shop.example/callback";
    request.approve_url = "https://shop.example/ok";
    request.cancel_url = "https://shop.example/cancel";
    request.decline_url = "https://shop.example/no";
    request.home_url = "https://shop.example/";
    return request;
}

flexpay_mobile_request sandbox_mobile_request(void)
{
    flexpay_mobile_request request = FLEXPAY_MOBILE_REQUEST_INIT;
    request.reference = sandbox_reference();
    request.amount = "25.50";
    request.currency = "USD";
    request.phone = "0812345678";
    request.callback_url = "https://shop.example/callback";
    request.description = "Une \xc3\xa9preuve";
    request.approve_url = "https://shop.example/ok";
    request.cancel_url = "https://shop.example/cancel";
    request.decline_url = "https://shop.example/no";
    request.return_url = "https://shop.example/back";
    return request;
}

flexpay_payout_request sandbox_payout_request(void)
{
    flexpay_payout_request request = FLEXPAY_PAYOUT_REQUEST_INIT;
    request.reference = sandbox_reference();
    request.amount = "25.50";
    request.currency = "USD";
    request.phone = "0812345678";
    request.callback_url = "https://shop.example/callback";
    return request;
}

char *sandbox_order(char *reference)
{
    flexpay_client *client = sandbox_client("http", FLEXPAY_API_V1_1);
    flexpay_payment_request request = sandbox_request();
    flexpay_payment *payment;
    flexpay_error *error;
    if (reference != NULL)
        strcpy(reference, request.reference);
    if (flexpay_pay(client, &request, &payment, &error) != FLEXPAY_OK)
        fail("cannot request a payment", error != NULL ? error->message : "no error");
    char *order_number = malloc(strlen(payment->order_number) + 1);
    if (order_number == NULL)
        fail("out of memory", "");
    strcpy(order_number, payment->order_number);
    flexpay_payment_free(payment);
    flexpay_client_free(client);
    return order_number;
}

char *sandbox_order_of(const char *reference)
{
    static const char before[] = "\"order_number\":\"";
    char named[64], *all = NULL, *order = NULL;
    snprintf(named, sizeof named, "\"reference\":\"%s\"", reference);
    if (http_exchange(sandbox_env("SANDBOX_URL"), "GET", "/sandbox/api/payments", NULL, &all) != 200 ||
        all == NULL)
        fail("the sandbox refused", "payments");
    /* Each payment has its order number before its reference. */
    const char *end = strstr(all, named);
    for (char *found = all; end != NULL && (found = strstr(found, before)) != NULL && found < end;)
        order = found += strlen(before);
    if (order == NULL)
        fail("the gateway has no payment with the reference", reference);
    order[strcspn(order, "\"")] = '\0';
    char *copy = malloc(strlen(order) + 1);
    if (copy == NULL)
        fail("out of memory", "");
    strcpy(copy, order);
    free(all);
    return copy;
}

void sandbox_decide(const char *order_number, const char *decision)
{
    char path[256], body[128];
    snprintf(path, sizeof path, "/sandbox/api/payments/%s/decide", order_number);
    snprintf(body, sizeof body, "{\"decision\":\"%s\",\"callback\":false}", decision);
    control("POST", path, body);
}

char *sandbox_recorded(const char *order_number)
{
    char path[256], *recorded;
    snprintf(path, sizeof path, "/sandbox/api/payments/%s", order_number);
    if (http_exchange(sandbox_env("SANDBOX_URL"), "GET", path, NULL, &recorded) != 200)
        fail("the sandbox refused", path);
    return recorded;
}

void sandbox_quirks(const char *json)
{
    control("PATCH", "/sandbox/api/quirks", json);
}

void sandbox_fault(const char *json)
{
    control("POST", "/sandbox/api/faults", json);
}

void sandbox_clear_faults(void)
{
    control("DELETE", "/sandbox/api/faults", NULL);
}

int sandbox_requests_with(const char *text)
{
    char *all = NULL;
    int count = 0;
    if (http_exchange(sandbox_env("SANDBOX_URL"), "GET", "/sandbox/api/requests", NULL, &all) !=
            200 ||
        all == NULL)
        fail("the sandbox refused", "requests");
    for (const char *found = all; (found = strstr(found, text)) != NULL; found += strlen(text))
        count++;
    free(all);
    return count;
}
