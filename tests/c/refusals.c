/* What the gateway refuses, and what the library refuses before it sends anything. */

#include "sandbox.h"
#include "test.h"

#include <stdlib.h>

static void pay_refused(flexpay_client *client, const flexpay_payment_request *request,
                        flexpay_result result, const char *gateway_message)
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
        CHECK_STR(gateway_message, error->gateway_message);
        CHECK_STR(NULL, error->field);
        CHECK(error->message[0] != '\0');
    }
    flexpay_error_free(error);
}

static void pay_refused_by_gateway(int32_t api)
{
    flexpay_config config = sandbox_config("http", api);
    flexpay_client *client = sandbox_client("http", api), *other;
    flexpay_payment_request request;

    config.token = "eyJhbGciOiJub25lIn0.e30.bm90LXRoZS1zYW5kYm94LXM";
    CHECK_INT(FLEXPAY_OK, flexpay_client_new(&config, &other, NULL));
    request = sandbox_request();
    pay_refused(other, &request, FLEXPAY_ERROR_UNAUTHORIZED,
                "Jeton d'autorisation invalide");
    flexpay_client_free(other);

    config = sandbox_config("http", api);
    config.merchant = "UNKNOWN";
    CHECK_INT(FLEXPAY_OK, flexpay_client_new(&config, &other, NULL));
    request = sandbox_request();
    pay_refused(other, &request, FLEXPAY_ERROR_REFUSED, "Marchand inconnu");
    flexpay_client_free(other);

    request = sandbox_request();
    CHECK_INT(FLEXPAY_OK, flexpay_pay(client, &request, NULL, NULL));
    pay_refused(client, &request, FLEXPAY_ERROR_REFUSED,
                "Transaction d\xc3\xa9j\xc3\xa0 trait\xc3\xa9"
                "e");

    request = sandbox_request();
    request.reference = "a-reference-of-twenty-six-";
    pay_refused(client, &request, FLEXPAY_ERROR_REFUSED,
                "La r\xc3\xa9"
                "f\xc3\xa9rence d\xc3\xa9passe 25 caract\xc3\xa8res");

    request = sandbox_request();
    request.currency = "CDF";
    pay_refused(client, &request, FLEXPAY_ERROR_REFUSED,
                "Le montant en CDF doit \xc3\xaatre un nombre entier de francs");

    request = sandbox_request();
    request.decline_url = NULL;
    if (api == FLEXPAY_API_V1_1)
        pay_refused(client, &request, FLEXPAY_ERROR_REFUSED,
                    "Le champ decline_url est obligatoire");
    else
        CHECK_INT(FLEXPAY_OK, flexpay_pay(client, &request, NULL, NULL));
    flexpay_client_free(client);
}

/* Both services for mobile money refuse the same way. */
enum service { MOBILE, PAYOUT };

static flexpay_client *client_with_payouts(void)
{
    flexpay_config config = sandbox_config("http", FLEXPAY_API_V1_1);
    flexpay_client *client;
    config.flags = FLEXPAY_FLAG_ALLOW_PAYOUT;
    CHECK_INT(FLEXPAY_OK, flexpay_client_new(&config, &client, NULL));
    return client;
}

/* The request, or as much of it as a payout has. */
static flexpay_result send_to(enum service service, flexpay_client *client,
                              const flexpay_mobile_request *request, flexpay_error **error)
{
    flexpay_payment *payment;
    flexpay_payout_request payout = FLEXPAY_PAYOUT_REQUEST_INIT;
    payout.reference = request->reference;
    payout.amount = request->amount;
    payout.currency = request->currency;
    payout.phone = request->phone;
    payout.callback_url = request->callback_url;
    payout.correlation_id = request->correlation_id;
    flexpay_result result = service == MOBILE ? flexpay_pay_mobile(client, request, &payment, error)
                                              : flexpay_payout(client, &payout, &payment, error);
    CHECK((payment != NULL) == (result == FLEXPAY_OK));
    flexpay_payment_free(payment);
    return result;
}

static void mobile_refused(enum service service, flexpay_client *client,
                           const flexpay_mobile_request *request, const char *gateway_message)
{
    flexpay_error *error;
    CHECK_INT(FLEXPAY_ERROR_REFUSED, send_to(service, client, request, &error));
    CHECK(error != NULL);
    if (error != NULL) {
        CHECK_INT(FLEXPAY_OUTCOME_REFUSED, error->outcome);
        CHECK_INT(200, error->http_status);
        CHECK_STR("1", error->gateway_code);
        CHECK_STR(gateway_message, error->gateway_message);
        CHECK_STR(NULL, error->order_number);
        CHECK_INT(1, sandbox_requests_with(request->reference));
    }
    flexpay_error_free(error);
}

static void mobile_money_refused_by_gateway(enum service service)
{
    flexpay_config config = sandbox_config("http", FLEXPAY_API_V1_1);
    flexpay_client *client = client_with_payouts(), *other;
    flexpay_mobile_request request = sandbox_mobile_request();
    flexpay_error *error;

    config.flags = FLEXPAY_FLAG_ALLOW_PAYOUT;
    config.token = "eyJhbGciOiJub25lIn0.e30.bm90LXRoZS1zYW5kYm94LXM";
    CHECK_INT(FLEXPAY_OK, flexpay_client_new(&config, &other, NULL));
    CHECK_INT(FLEXPAY_ERROR_UNAUTHORIZED, send_to(service, other, &request, &error));
    CHECK_INT(FLEXPAY_OUTCOME_REFUSED, error != NULL ? error->outcome : -1);
    CHECK_INT(401, error != NULL ? error->http_status : -1);
    flexpay_error_free(error);
    flexpay_client_free(other);

    config = sandbox_config("http", FLEXPAY_API_V1_1);
    config.flags = FLEXPAY_FLAG_ALLOW_PAYOUT;
    config.merchant = "UNKNOWN";
    CHECK_INT(FLEXPAY_OK, flexpay_client_new(&config, &other, NULL));
    request = sandbox_mobile_request();
    mobile_refused(service, other, &request, "Marchand inconnu");
    flexpay_client_free(other);

    request = sandbox_mobile_request();
    request.amount = "25.5";
    request.currency = "CDF";
    mobile_refused(service, client, &request,
                   "Le montant en CDF doit \xc3\xaatre un nombre entier de francs");

    request = sandbox_mobile_request();
    request.phone = service == MOBILE ? "0810000003" : "0810000004";
    mobile_refused(service, client, &request,
                   service == MOBILE
                       ? "Insufficient funds"
                       : "Receiver invalid or not allowed to receive this type of transaction");

    request = sandbox_mobile_request();
    CHECK_INT(FLEXPAY_OK, send_to(service, client, &request, NULL));
    CHECK_INT(FLEXPAY_ERROR_REFUSED, send_to(service, client, &request, &error));
    /* The money of the first request may be on its way. */
    CHECK_INT(FLEXPAY_OUTCOME_UNKNOWN, error != NULL ? error->outcome : -1);
    flexpay_error_free(error);

    if (service == PAYOUT) {
        request = sandbox_mobile_request();
        request.amount = "1000000";
        mobile_refused(service, client, &request, "Solde marchand insuffisant");
    }
    flexpay_client_free(client);
}

static void check_and_wait_refused_by_gateway(void)
{
    flexpay_config config = sandbox_config("http", FLEXPAY_API_V1_1);
    flexpay_client *client = sandbox_client("http", FLEXPAY_API_V1_1), *other;
    flexpay_error *error;
    CHECK_INT(FLEXPAY_ERROR_NOT_FOUND, flexpay_check(client, "no/such ?order", NULL, &error));
    CHECK_STR("Aucune transaction trouv\xc3\xa9"
              "e",
              error != NULL ? error->gateway_message : NULL);
    CHECK_INT(FLEXPAY_OUTCOME_REFUSED, error != NULL ? error->outcome : -1);
    flexpay_error_free(error);

    config.token = "wrong";
    CHECK_INT(FLEXPAY_OK, flexpay_client_new(&config, &other, NULL));
    CHECK_INT(FLEXPAY_ERROR_UNAUTHORIZED, flexpay_check(other, "1", NULL, NULL));
    CHECK_INT(FLEXPAY_ERROR_UNAUTHORIZED, flexpay_wait(other, "1", NULL, NULL, NULL));
    flexpay_client_free(other);
    flexpay_client_free(client);
}

static void field_refused(flexpay_client *client, const flexpay_payment_request *request,
                          const char *field)
{
    flexpay_error *error;
    CHECK_INT(FLEXPAY_ERROR_INVALID, flexpay_pay(client, request, NULL, &error));
    CHECK_STR(field, error != NULL ? error->field : "no error");
    CHECK_INT(FLEXPAY_OUTCOME_NOT_SENT, error != NULL ? error->outcome : -1);
    /* The message names the field too, because logs often contain only the message. */
    CHECK(error != NULL && strstr(error->message, field) != NULL);
    flexpay_error_free(error);
    if (request->reference != NULL && strlen(request->reference) > 3)
        CHECK_INT(0, sandbox_requests_with(request->reference));
}

static void fields_refused_by_library(void)
{
    static const char *const amounts[] = {NULL,  "",    "0",    "0.00", "-1",   "+1",     "1e3",
                                          "1,5", "1.",  ".5",   "1.005", " 1",  "1 ",     "NaN",
                                          "inf", "0x1", "1_000", "\xd9\xa1", "99999999999999999999"};
    static const char *const currencies[] = {NULL, "", "EUR", "usd", "USD ", "CD"};
    static const char *const urls[] = {"", "/ok", "shop.example/ok", "ftp://shop.example/",
                                       "javascript:alert(1)", "https://", "https://a b/",
                                       "https://shop.example/\r\nX: y"};
    flexpay_client *client = sandbox_client("http", FLEXPAY_API_V1_1);
    flexpay_payment_request request = sandbox_request();
    request.reference = NULL;
    field_refused(client, &request, "reference");
    request.reference = "";
    field_refused(client, &request, "reference");
    request.reference = " ";
    field_refused(client, &request, "reference");
    for (size_t at = 0; at < sizeof amounts / sizeof *amounts; at++) {
        request = sandbox_request();
        request.amount = amounts[at];
        field_refused(client, &request, "amount");
    }
    for (size_t at = 0; at < sizeof currencies / sizeof *currencies; at++) {
        request = sandbox_request();
        request.currency = currencies[at];
        field_refused(client, &request, "currency");
    }
    for (size_t at = 0; at < sizeof urls / sizeof *urls; at++) {
        request = sandbox_request();
        request.callback_url = urls[at];
        field_refused(client, &request, "callback_url");
    }
    request = sandbox_request();
    request.home_url = "home";
    field_refused(client, &request, "home_url");
    flexpay_client_free(client);
}

static void mobile_field_refused(enum service service, flexpay_client *client,
                                 const flexpay_mobile_request *request, const char *field)
{
    flexpay_error *error;
    CHECK_INT(FLEXPAY_ERROR_INVALID, send_to(service, client, request, &error));
    CHECK_STR(field, error != NULL ? error->field : "no error");
    CHECK_INT(FLEXPAY_OUTCOME_NOT_SENT, error != NULL ? error->outcome : -1);
    CHECK(error != NULL && strstr(error->message, field) != NULL);
    flexpay_error_free(error);
    if (request->reference != NULL && strlen(request->reference) > 3)
        CHECK_INT(0, sandbox_requests_with(request->reference));
}

static void mobile_fields_refused_by_library(enum service service)
{
    static const char *const references[] = {NULL, "", " ", " R", "R\n"};
    static const char *const amounts[] = {NULL, "", "0", "-1", "1e3", "1,5", "1.005", " 1"};
    static const char *const currencies[] = {NULL, "", "EUR", "usd"};
    static const char *const phones[] = {NULL, "", "812345678", "+33612345678", "0812345678x",
                                         "+243 (0) 812345678", "08123456789", "+243012345678"};
    static const char *const urls[] = {NULL, "", "/cb", "shop.example/cb", "zando://callback",
                                       "javascript:alert(1)"};
    static const char *const return_urls[] = {"", "/ok", "javascript:alert(1)"};
    static const size_t returns[] = {offsetof(flexpay_mobile_request, approve_url),
                                     offsetof(flexpay_mobile_request, cancel_url),
                                     offsetof(flexpay_mobile_request, decline_url),
                                     offsetof(flexpay_mobile_request, return_url)};
    static const char *const return_names[] = {"approve_url", "cancel_url", "decline_url",
                                               "return_url"};
    static const char *const ids[] = {"", "a b", "a\nb", "caf\xc3\xa9",
                                      ("0123456789012345678901234567890123456789012345678901234567890"
                                       "1234")};
    flexpay_client *client = client_with_payouts();
    flexpay_mobile_request request;
#define EACH(values, field)                                                                        \
    for (size_t at = 0; at < sizeof values / sizeof *values; at++) {                               \
        request = sandbox_mobile_request();                                                        \
        request.field = values[at];                                                                \
        mobile_field_refused(service, client, &request, #field);                                   \
    }
    EACH(references, reference)
    EACH(amounts, amount)
    EACH(currencies, currency)
    EACH(phones, phone)
    EACH(urls, callback_url)
    EACH(ids, correlation_id)
#undef EACH
    for (size_t field = 0; service == MOBILE && field < 4; field++)
        for (size_t at = 0; at < sizeof return_urls / sizeof *return_urls; at++) {
            request = sandbox_mobile_request();
            *(const char **)((char *)&request + returns[field]) = return_urls[at];
            mobile_field_refused(service, client, &request, return_names[field]);
        }
    flexpay_client_free(client);
}

/* A client made without the flag sends no money out. */
static void payout_not_allowed(void)
{
    flexpay_client *client = sandbox_client("http", FLEXPAY_API_V1_1);
    flexpay_mobile_request request = sandbox_mobile_request();
    mobile_field_refused(PAYOUT, client, &request, "allow_payout");
    /* Whatever else is wrong. */
    request.phone = NULL;
    mobile_field_refused(PAYOUT, client, &request, "allow_payout");
    flexpay_client_free(client);
}

static void setting_refused(flexpay_config config, const char *field)
{
    flexpay_client *client;
    flexpay_error *error;
    CHECK_INT(FLEXPAY_ERROR_INVALID, flexpay_client_new(&config, &client, &error));
    CHECK(client == NULL);
    CHECK_STR(field, error != NULL ? error->field : "no error");
    flexpay_error_free(error);
}

static void settings_refused_by_library(void)
{
    flexpay_config config = sandbox_config("http", FLEXPAY_API_V1_1), good = config;
    config.merchant = NULL;
    setting_refused(config, "merchant");
    config = good;
    config.merchant = " ";
    setting_refused(config, "merchant");
    config = good;
    config.token = NULL;
    setting_refused(config, "token");
    config.token = "Bearer ";
    setting_refused(config, "token");
    config.token = "two words";
    setting_refused(config, "token");
    config.token = "line\nend";
    setting_refused(config, "token");
    config = good;
    config.pay_url = "http://gateway.example/v1/pay"; /* the token would be sent unencrypted */
    setting_refused(config, "pay_url");
    config.flags = FLEXPAY_FLAG_ALLOW_PLAIN_HTTP;
    CHECK_INT(FLEXPAY_OK, flexpay_client_new(&config, NULL, NULL));
    config = good;
    config.check_url = "https://user:pass@gateway.example/check";
    setting_refused(config, "check_url");
    config = good;
    config.mobile_url = "http://gateway.example/paymentService";
    setting_refused(config, "mobile_url");
    config.mobile_url = "paymentService";
    setting_refused(config, "mobile_url");
    config = good;
    config.payout_url = "http://gateway.example/merchantPayOutService";
    setting_refused(config, "payout_url");
    config.payout_url = "";
    setting_refused(config, "payout_url");
    config = good;
    config.ca_file = "/nonexistent/ca.pem";
    setting_refused(config, "ca_file");
    config.ca_file = __FILE__; /* not in the working directory, or contains no certificate */
    setting_refused(config, "ca_file");
    config = good;
    config.proxy = "http://127.0.0.1:1"; /* 127.0.0.1 would then be the proxy's machine */
    setting_refused(config, "pay_url");
    config.flags = FLEXPAY_FLAG_ALLOW_PLAIN_HTTP;
    config.proxy = "not a proxy";
    setting_refused(config, "proxy");
    config = good;
    config.app_name = "Boutique\r\nX-Evil: 1";
    setting_refused(config, "app_name");
}

int main(void)
{
    pay_refused_by_gateway(FLEXPAY_API_V1);
    pay_refused_by_gateway(FLEXPAY_API_V1_1);
    check_and_wait_refused_by_gateway();
    mobile_money_refused_by_gateway(MOBILE);
    mobile_money_refused_by_gateway(PAYOUT);
    fields_refused_by_library();
    mobile_fields_refused_by_library(MOBILE);
    mobile_fields_refused_by_library(PAYOUT);
    payout_not_allowed();
    settings_refused_by_library();
    return test_end();
}
