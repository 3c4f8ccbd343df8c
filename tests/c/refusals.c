/* Everything the gateway refuses, and everything that is refused before it is asked. */

#include "sandbox.h"
#include "test.h"

#include <stdlib.h>

static void by_the_gateway(flexpay_client *client, const flexpay_payment_request *request,
                           flexpay_result result, const char *words)
{
    flexpay_payment *payment;
    flexpay_error *error;
    CHECK_INT(result, flexpay_pay(client, request, &payment, &error));
    CHECK(payment == NULL);
    CHECK(error != NULL);
    if (error != NULL) {
        CHECK_INT(result, error->code);
        CHECK_INT(FLEXPAY_OUTCOME_REFUSED, error->outcome);
        CHECK_INT(result == FLEXPAY_ERROR_UNAUTHORIZED ? 401 : 200, error->http_status);
        CHECK_STR(result == FLEXPAY_ERROR_UNAUTHORIZED ? "401" : "1", error->gateway_code);
        CHECK_STR(words, error->gateway_message);
        CHECK_STR(NULL, error->field);
        CHECK(error->message[0] != '\0');
    }
    flexpay_error_free(error);
}

static void at_the_gateway(int32_t api)
{
    flexpay_config config = sandbox_config("http", api);
    flexpay_client *client = sandbox_client("http", api), *stranger;
    flexpay_payment_request request;

    config.token = "eyJhbGciOiJub25lIn0.e30.bm90LXRoZS1zYW5kYm94LXM";
    CHECK_INT(FLEXPAY_OK, flexpay_client_new(&config, &stranger, NULL));
    request = sandbox_request();
    by_the_gateway(stranger, &request, FLEXPAY_ERROR_UNAUTHORIZED,
                   "Jeton d'autorisation invalide");
    flexpay_client_free(stranger);

    config = sandbox_config("http", api);
    config.merchant = "NOBODY";
    CHECK_INT(FLEXPAY_OK, flexpay_client_new(&config, &stranger, NULL));
    request = sandbox_request();
    by_the_gateway(stranger, &request, FLEXPAY_ERROR_REFUSED, "Marchand inconnu");
    flexpay_client_free(stranger);

    request = sandbox_request();
    CHECK_INT(FLEXPAY_OK, flexpay_pay(client, &request, NULL, NULL));
    by_the_gateway(client, &request, FLEXPAY_ERROR_REFUSED,
                   "Transaction d\xc3\xa9j\xc3\xa0 trait\xc3\xa9"
                   "e");

    request = sandbox_request();
    request.reference = "a-reference-of-twenty-six-";
    by_the_gateway(client, &request, FLEXPAY_ERROR_REFUSED,
                   "La r\xc3\xa9"
                   "f\xc3\xa9rence d\xc3\xa9passe 25 caract\xc3\xa8res");

    request = sandbox_request();
    request.currency = "CDF";
    by_the_gateway(client, &request, FLEXPAY_ERROR_REFUSED,
                   "Le montant en CDF doit \xc3\xaatre un nombre entier de francs");

    request = sandbox_request();
    request.decline_url = NULL;
    if (api == FLEXPAY_API_V1_1)
        by_the_gateway(client, &request, FLEXPAY_ERROR_REFUSED,
                       "Le champ decline_url est obligatoire");
    else
        CHECK_INT(FLEXPAY_OK, flexpay_pay(client, &request, NULL, NULL));
    flexpay_client_free(client);
}

static void check_and_wait(void)
{
    flexpay_config config = sandbox_config("http", FLEXPAY_API_V1_1);
    flexpay_client *client = sandbox_client("http", FLEXPAY_API_V1_1), *stranger;
    flexpay_error *error;
    CHECK_INT(FLEXPAY_ERROR_NOT_FOUND, flexpay_check(client, "nobody/s ?order", NULL, &error));
    CHECK_STR("Aucune transaction trouv\xc3\xa9"
              "e",
              error != NULL ? error->gateway_message : NULL);
    CHECK_INT(FLEXPAY_OUTCOME_REFUSED, error != NULL ? error->outcome : -1);
    flexpay_error_free(error);

    config.token = "wrong";
    CHECK_INT(FLEXPAY_OK, flexpay_client_new(&config, &stranger, NULL));
    CHECK_INT(FLEXPAY_ERROR_UNAUTHORIZED, flexpay_check(stranger, "1", NULL, NULL));
    CHECK_INT(FLEXPAY_ERROR_UNAUTHORIZED, flexpay_wait(stranger, "1", NULL, NULL, NULL));
    flexpay_client_free(stranger);
    flexpay_client_free(client);
}

static void here(flexpay_client *client, const flexpay_payment_request *request, const char *field)
{
    flexpay_error *error;
    CHECK_INT(FLEXPAY_ERROR_INVALID, flexpay_pay(client, request, NULL, &error));
    CHECK_STR(field, error != NULL ? error->field : "no error");
    CHECK_INT(FLEXPAY_OUTCOME_NOT_SENT, error != NULL ? error->outcome : -1);
    /* The message names it too: it is what a log keeps. */
    CHECK(error != NULL && strstr(error->message, field) != NULL);
    flexpay_error_free(error);
    if (request->reference != NULL && strlen(request->reference) > 3)
        CHECK_INT(0, sandbox_requests_with(request->reference));
}

static void fields_refused_here(void)
{
    static const char *const amounts[] = {NULL,  "",    "0",    "0.00", "-1",   "+1",     "1e3",
                                          "1,5", "1.",  ".5",   "1.005", " 1",  "1 ",     "NaN",
                                          "inf", "0x1", "1_000", "\xd9\xa1", "99999999999999999999"};
    static const char *const currencies[] = {NULL, "", "EUR", "usd", "USD ", "CD"};
    static const char *const addresses[] = {"", "/ok", "shop.example/ok", "ftp://shop.example/",
                                            "javascript:alert(1)", "https://", "https://a b/",
                                            "https://shop.example/\r\nX: y"};
    flexpay_client *client = sandbox_client("http", FLEXPAY_API_V1_1);
    flexpay_payment_request request = sandbox_request();
    request.reference = NULL;
    here(client, &request, "reference");
    request.reference = "";
    here(client, &request, "reference");
    request.reference = " ";
    here(client, &request, "reference");
    for (size_t at = 0; at < sizeof amounts / sizeof *amounts; at++) {
        request = sandbox_request();
        request.amount = amounts[at];
        here(client, &request, "amount");
    }
    for (size_t at = 0; at < sizeof currencies / sizeof *currencies; at++) {
        request = sandbox_request();
        request.currency = currencies[at];
        here(client, &request, "currency");
    }
    for (size_t at = 0; at < sizeof addresses / sizeof *addresses; at++) {
        request = sandbox_request();
        request.callback_url = addresses[at];
        here(client, &request, "callback_url");
    }
    request = sandbox_request();
    request.home_url = "home";
    here(client, &request, "home_url");
    flexpay_client_free(client);
}

static void setting(flexpay_config config, const char *field)
{
    flexpay_client *client;
    flexpay_error *error;
    CHECK_INT(FLEXPAY_ERROR_INVALID, flexpay_client_new(&config, &client, &error));
    CHECK(client == NULL);
    CHECK_STR(field, error != NULL ? error->field : "no error");
    flexpay_error_free(error);
}

static void settings_refused_here(void)
{
    flexpay_config config = sandbox_config("http", FLEXPAY_API_V1_1), good = config;
    config.merchant = NULL;
    setting(config, "merchant");
    config = good;
    config.merchant = " ";
    setting(config, "merchant");
    config = good;
    config.token = NULL;
    setting(config, "token");
    config.token = "Bearer ";
    setting(config, "token");
    config.token = "two words";
    setting(config, "token");
    config.token = "line\nend";
    setting(config, "token");
    config = good;
    config.pay_url = "http://gateway.example/v1/pay"; /* the token would travel in the clear */
    setting(config, "pay_url");
    config.flags = FLEXPAY_FLAG_ALLOW_PLAIN_HTTP;
    CHECK_INT(FLEXPAY_OK, flexpay_client_new(&config, NULL, NULL));
    config = good;
    config.check_url = "https://user:pass@gateway.example/check";
    setting(config, "check_url");
    config = good;
    config.ca_file = "/nonexistent/ca.pem";
    setting(config, "ca_file");
    config.ca_file = __FILE__; /* exists in no working directory, or holds no certificate */
    setting(config, "ca_file");
    config = good;
    config.proxy = "http://127.0.0.1:1"; /* "this machine" is then the proxy's */
    setting(config, "pay_url");
    config.flags = FLEXPAY_FLAG_ALLOW_PLAIN_HTTP;
    config.proxy = "not a proxy";
    setting(config, "proxy");
    config = good;
    config.app_name = "Boutique\r\nX-Evil: 1";
    setting(config, "app_name");
}

int main(void)
{
    at_the_gateway(FLEXPAY_API_V1);
    at_the_gateway(FLEXPAY_API_V1_1);
    check_and_wait();
    fields_refused_here();
    settings_refused_here();
    return test_end();
}
