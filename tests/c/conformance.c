/*
 * conformance.c: runs tests/vectors through the C ABI and prints the result of each case.
 *
 *     conformance VECTORS_DIR SANDBOX_URL
 *
 * Prints one line per case on stdout: compact JSON with sorted keys. The sandbox at SANDBOX_URL serves
 * the same vectors. The exit status is 0 when every case was run, whatever its result.
 *
 * jansson parses the vectors. It does not write the lines: they must equal those of the other
 * languages byte for byte, and JSON allows several escapes for one control character.
 */

#include <flexpay.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int not_run; /* cases that could not be run */

/* ---- Output lines ---------------------------------------------------------------------------- */

static void put_text(const char *text)
{
    static const char *const escaped = "\"\\\b\f\n\r\t", *const letters = "\"\\bfnrt";
    if (text == NULL) {
        fputs("null", stdout);
        return;
    }
    putchar('"');
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        const char *short_form = strchr(escaped, c);
        if (short_form != NULL)
            printf("\\%c", letters[short_form - escaped]);
        else if (c < 0x20)
            printf("\\u%04x", c);
        else
            putchar(c);
    }
    putchar('"');
}

static void put_field(const char *before, const char *name, const char *text)
{
    printf("%s\"%s\":", before, name);
    put_text(text);
}

static void begin_line(const char *file, const char *name, const char *result)
{
    printf("{\"case\":\"%s/%s\",\"result\":{\"%s\":{", file, name, result);
}

static void end_line(void)
{
    puts("}}}");
}

static void put_error(const char *file, const char *name, const flexpay_error *error)
{
    if (error == NULL) {
        fprintf(stderr, "%s/%s failed without an error\n", file, name);
        not_run++;
        return;
    }
    begin_line(file, name, "error");
    put_field("", "code", flexpay_result_name(error->code));
    put_field(",", "field", error->field);
    put_field(",", "gateway_code", error->gateway_code);
    put_field(",", "gateway_message", error->gateway_message);
    put_field(",", "order_number", error->order_number);
    if (error->http_status != 0)
        printf(",\"http_status\":%d", (int)error->http_status);
    else
        printf(",\"http_status\":null");
    put_field(",", "message", error->message);
    put_field(",", "outcome", flexpay_outcome_name(error->outcome));
    put_field(",", "trace", error->trace);
    end_line();
}

/* ---- Callback bodies ------------------------------------------------------------------------- */

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

struct bytes {
    uint8_t *data;
    size_t length;
};

static void append(struct bytes *to, const void *data, size_t length)
{
    uint8_t *larger = realloc(to->data, to->length + length + 1);
    if (larger == NULL)
        abort();
    memcpy(larger + to->length, data, length);
    to->data = larger;
    to->length += length;
}

static void append_string(struct bytes *to, const json_t *string)
{
    append(to, json_string_value(string), json_string_length(string));
}

/* Copies the body into memory of its exact size, so that sanitizers and valgrind detect a read past
 * its end. Returns false when the case has no body. */
static bool body_of(const json_t *test, struct bytes *body)
{
    const json_t *text = json_object_get(test, "body"), *hex = json_object_get(test, "body_hex"),
                 *repeat = json_object_get(test, "body_repeat");
    struct bytes all = {NULL, 0};
    if (json_is_string(text)) {
        append_string(&all, text);
    } else if (json_is_string(hex)) {
        const char *digits = json_string_value(hex);
        unsigned byte;
        for (; sscanf(digits, "%2x", &byte) == 1; digits += 2) {
            uint8_t value = (uint8_t)byte;
            append(&all, &value, 1);
        }
    } else if (json_is_object(repeat)) {
        json_int_t times = json_integer_value(json_object_get(repeat, "times"));
        append_string(&all, json_object_get(repeat, "before"));
        while (times-- > 0)
            append_string(&all, json_object_get(repeat, "unit"));
        append_string(&all, json_object_get(repeat, "after"));
    } else {
        return false;
    }
    body->data = malloc(all.length != 0 ? all.length : 1);
    body->length = all.length;
    if (body->data == NULL)
        abort();
    if (all.length != 0)
        memcpy(body->data, all.data, all.length);
    free(all.data);
    return true;
}

/* ---- Cases ----------------------------------------------------------------------------------- */

static void run_callback(const json_t *test, const char *name, const char *sandbox)
{
    struct bytes body;
    char key[FLEXPAY_CALLBACK_KEY_SIZE];
    flexpay_callback *callback;
    flexpay_error *error;
    (void)sandbox;
    if (!body_of(test, &body)) {
        fprintf(stderr, "callback/%s has no body\n", name);
        not_run++;
        return;
    }
    if (flexpay_parse_callback(body.data, body.length, &callback, &error) != FLEXPAY_OK) {
        put_error("callback", name, error);
        flexpay_error_free(error);
        free(body.data);
        return;
    }
    /* The callback must not reference the body. */
    free(body.data);
    if (flexpay_callback_key(callback, key, sizeof key, &error) != FLEXPAY_OK) {
        put_error("callback", name, error);
        flexpay_error_free(error);
        flexpay_callback_free(callback);
        return;
    }
    begin_line("callback", name, "ok");
    put_field("", "amount", callback->amount);
    put_field(",", "amount_customer", callback->amount_customer);
    put_field(",", "channel", callback->channel);
    printf(",\"claims_success\":%s", callback->claims_success ? "true" : "false");
    put_field(",", "code", callback->code);
    put_field(",", "created_at", callback->created_at);
    put_field(",", "currency", callback->currency);
    put_field(",", "key", key);
    put_field(",", "message", callback->message);
    put_field(",", "order_number", callback->order_number);
    put_field(",", "phone", callback->phone);
    put_field(",", "provider_reference", callback->provider_reference);
    put_field(",", "raw", callback->raw);
    put_field(",", "reference", callback->reference);
    end_line();
    flexpay_callback_free(callback);
}

static flexpay_client *client_for(const char *file, const char *name, const char *sandbox,
                                  int32_t api)
{
    flexpay_config config = FLEXPAY_CONFIG_INIT;
    flexpay_client *client;
    flexpay_error *error;
    char pay_url[512], mobile_url[512], payout_url[512], check_url[512];
    snprintf(pay_url, sizeof pay_url, "%s/vectors/pay/%s", sandbox, name);
    snprintf(mobile_url, sizeof mobile_url, "%s/vectors/mobile/%s", sandbox, name);
    snprintf(payout_url, sizeof payout_url, "%s/vectors/payout/%s", sandbox, name);
    snprintf(check_url, sizeof check_url, "%s/vectors/check/%s", sandbox, name);
    config.merchant = "ZANDO";
    config.token = "conformance";
    config.api = api;
    config.pay_url = pay_url;
    config.mobile_url = mobile_url;
    config.payout_url = payout_url;
    config.check_url = check_url;
    config.timeout_ms = 30000;
    config.flags = FLEXPAY_FLAG_CHECK_ONCE | FLEXPAY_FLAG_PRIVATE_CONNECTIONS |
                   FLEXPAY_FLAG_ALLOW_PAYOUT;
    if (flexpay_client_new(&config, &client, &error) != FLEXPAY_OK) {
        fprintf(stderr, "%s/%s: %s\n", file, name, error != NULL ? error->message : "no client");
        flexpay_error_free(error);
        not_run++;
        return NULL;
    }
    return client;
}

static void put_transaction(const char *file, const char *name,
                            const flexpay_transaction *transaction)
{
    begin_line(file, name, "ok");
    put_field("", "amount", transaction->amount);
    put_field(",", "amount_customer", transaction->amount_customer);
    printf(",\"amount_customer_minor\":%lld,\"amount_minor\":%lld",
           (long long)transaction->amount_customer_minor,
           (long long)transaction->amount_minor);
    put_field(",", "channel", transaction->channel);
    put_field(",", "code", transaction->code);
    put_field(",", "created_at", transaction->created_at);
    put_field(",", "currency", transaction->currency);
    put_field(",", "message", transaction->message);
    put_field(",", "order_number", transaction->order_number);
    put_field(",", "raw", transaction->raw);
    put_field(",", "reference", transaction->reference);
    put_field(",", "state", flexpay_state_name(transaction->state));
    put_field(",", "status", transaction->status);
    put_field(",", "trace", transaction->trace);
    end_line();
}

static void run_check(const json_t *test, const char *name, const char *sandbox)
{
    flexpay_client *client = client_for("check", name, sandbox, FLEXPAY_API_V1);
    flexpay_transaction *transaction;
    flexpay_error *error;
    if (client == NULL)
        return;
    if (flexpay_check(client, text_of(test, "order_number"), &transaction, &error) == FLEXPAY_OK)
        put_transaction("check", name, transaction);
    else
        put_error("check", name, error);
    flexpay_transaction_free(transaction);
    flexpay_error_free(error);
    flexpay_client_free(client);
}

static const char *optional_text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

/* The kind of the expected payment. Most cases expect a card payment, and do not give it. */
static int32_t kind_of(const json_t *expected)
{
    const char *name = optional_text_of(expected, "kind");
    if (name == NULL || strcmp(name, "CARD") == 0)
        return FLEXPAY_KIND_CARD;
    if (strcmp(name, "MOBILE") == 0)
        return FLEXPAY_KIND_MOBILE;
    if (strcmp(name, "PAYOUT") == 0)
        return FLEXPAY_KIND_PAYOUT;
    fprintf(stderr, "no such kind: %s\n", name);
    not_run++;
    return FLEXPAY_KIND_CARD;
}

static void run_forgery(const json_t *test, const char *name, const char *sandbox)
{
    const json_t *recorded = json_object_get(test, "expected");
    flexpay_config config = FLEXPAY_CONFIG_INIT;
    flexpay_expected expected = FLEXPAY_EXPECTED_INIT;
    flexpay_client *client;
    flexpay_transaction *transaction;
    flexpay_error *error;
    struct bytes body;
    char check_url[512];
    snprintf(check_url, sizeof check_url, "%s/vectors/forgery/%s", sandbox, name);
    config.merchant = "ZANDO";
    config.token = "conformance";
    config.api = FLEXPAY_API_V1_1;
    config.check_url = check_url;
    config.timeout_ms = 30000;
    config.flags = FLEXPAY_FLAG_CHECK_ONCE | FLEXPAY_FLAG_PRIVATE_CONNECTIONS;
    config.callback_secret = optional_text_of(test, "secret");
    config.callback_secret_previous = optional_text_of(test, "secret_previous");
    expected.reference = text_of(recorded, "reference");
    expected.amount = text_of(recorded, "amount");
    expected.currency = text_of(recorded, "currency");
    expected.order_number = optional_text_of(recorded, "order_number");
    expected.query = optional_text_of(test, "query");
    expected.kind = kind_of(recorded);
    if (!body_of(test, &body) || flexpay_client_new(&config, &client, NULL) != FLEXPAY_OK) {
        fprintf(stderr, "forgery/%s: no body, or the client cannot be created\n", name);
        not_run++;
        return;
    }
    if (flexpay_verify_callback(client, body.data, body.length, &expected, &transaction, &error) ==
        FLEXPAY_OK)
        put_transaction("forgery", name, transaction);
    else
        put_error("forgery", name, error);
    flexpay_transaction_free(transaction);
    flexpay_error_free(error);
    flexpay_client_free(client);
    free(body.data);
}

static int32_t state_of(const json_t *test, const char *key)
{
    for (int32_t state = FLEXPAY_STATE_UNKNOWN; state <= FLEXPAY_STATE_CANCELLED; state++)
        if (strcmp(flexpay_state_name(state), text_of(test, key)) == 0)
            return state;
    fprintf(stderr, "no such state: %s\n", text_of(test, key));
    not_run++;
    return FLEXPAY_STATE_UNKNOWN;
}

static void run_states(const json_t *test, const char *name, const char *sandbox)
{
    int32_t may = flexpay_state_may_replace(state_of(test, "recorded"), state_of(test, "now"));
    (void)sandbox;
    begin_line("states", name, "ok");
    printf("\"may_replace\":%s", may ? "true" : "false");
    end_line();
}

static void run_journal(const json_t *test, const char *name, const char *sandbox)
{
    char *request = json_dumps(json_object_get(test, "request"), JSON_COMPACT);
    flexpay_text *reply;
    flexpay_error *error;
    (void)sandbox;
    if (flexpay_journal_step(request, &reply, &error) == FLEXPAY_OK)
        /* The reply is JSON. */
        printf("{\"case\":\"journal/%s\",\"result\":{\"ok\":%s}}\n", name, reply->text);
    else
        put_error("journal", name, error);
    flexpay_text_free(reply);
    flexpay_error_free(error);
    free(request);
}

/* Prints the result of a payment request, and frees it. */
static void put_payment(const char *file, const char *name, flexpay_result result,
                        flexpay_payment *payment, flexpay_error *error)
{
    if (result == FLEXPAY_OK) {
        begin_line(file, name, "ok");
        put_field("", "code", payment->code);
        printf(",\"is_recorded\":%s", payment->is_recorded ? "true" : "false");
        put_field(",", "message", payment->message);
        put_field(",", "order_number", payment->order_number);
        put_field(",", "page", payment->page);
        put_field(",", "redirect_url", payment->redirect_url);
        put_field(",", "trace", payment->trace);
        end_line();
    } else {
        put_error(file, name, error);
    }
    flexpay_payment_free(payment);
    flexpay_error_free(error);
}

static void run_pay(const json_t *test, const char *name, const char *sandbox)
{
    bool v1_1 = strcmp(text_of(test, "api"), "v1.1") == 0;
    flexpay_client *client =
        client_for("pay", name, sandbox, v1_1 ? FLEXPAY_API_V1_1 : FLEXPAY_API_V1);
    flexpay_payment_request request = FLEXPAY_PAYMENT_REQUEST_INIT;
    flexpay_payment *payment;
    flexpay_error *error;
    flexpay_result result;
    if (client == NULL)
        return;
    request.reference = "MM0000XXFFR159";
    request.amount = "100";
    request.currency = "CDF";
    request.callback_url = "https://shop.example/callback";
    request.approve_url = "https://shop.example/ok";
    request.cancel_url = "https://shop.example/cancel";
    request.decline_url = "https://shop.example/no";
    result = flexpay_pay(client, &request, &payment, &error);
    put_payment("pay", name, result, payment, error);
    flexpay_client_free(client);
}

static void run_mobile(const json_t *test, const char *name, const char *sandbox)
{
    flexpay_client *client = client_for("mobile", name, sandbox, FLEXPAY_API_V1);
    flexpay_mobile_request request = FLEXPAY_MOBILE_REQUEST_INIT;
    flexpay_payment *payment;
    flexpay_error *error;
    flexpay_result result;
    (void)test;
    if (client == NULL)
        return;
    request.reference = "MM0000XXFFR159";
    request.amount = "100";
    request.currency = "CDF";
    request.phone = "+243 81 234 56 78";
    request.callback_url = "https://shop.example/callback";
    request.approve_url = "https://shop.example/ok";
    request.cancel_url = "https://shop.example/cancel";
    request.decline_url = "https://shop.example/no";
    result = flexpay_pay_mobile(client, &request, &payment, &error);
    put_payment("mobile", name, result, payment, error);
    flexpay_client_free(client);
}

static void run_payout(const json_t *test, const char *name, const char *sandbox)
{
    flexpay_client *client = client_for("payout", name, sandbox, FLEXPAY_API_V1);
    flexpay_payout_request request = FLEXPAY_PAYOUT_REQUEST_INIT;
    flexpay_payment *payment;
    flexpay_error *error;
    flexpay_result result;
    (void)test;
    if (client == NULL)
        return;
    request.reference = "MM0000XXFFR159";
    request.amount = "100";
    request.currency = "CDF";
    request.phone = "+243 81 234 56 78";
    request.callback_url = "https://shop.example/callback";
    result = flexpay_payout(client, &request, &payment, &error);
    put_payment("payout", name, result, payment, error);
    flexpay_client_free(client);
}

static void run_phone(const json_t *test, const char *name, const char *sandbox)
{
    char phone[FLEXPAY_PHONE_SIZE];
    flexpay_error *error;
    (void)sandbox;
    if (flexpay_normalize_phone(text_of(test, "phone"), phone, sizeof phone, &error) ==
        FLEXPAY_OK) {
        begin_line("phone", name, "ok");
        put_field("", "phone", phone);
        end_line();
    } else {
        put_error("phone", name, error);
    }
    flexpay_error_free(error);
}

static void run_file(const char *directory, const char *file, const char *sandbox,
                     void (*run)(const json_t *, const char *, const char *))
{
    char path[4096];
    json_error_t parse_error;
    size_t at;
    snprintf(path, sizeof path, "%s/%s.json", directory, file);
    json_t *vectors = json_load_file(path, JSON_ALLOW_NUL, &parse_error);
    const json_t *cases = json_object_get(vectors, "cases"), *test;
    if (!json_is_array(cases)) {
        fprintf(stderr, "%s: %s\n", path, vectors == NULL ? parse_error.text : "has no cases");
        not_run++;
    }
    for (at = 0; at < json_array_size(cases); at++) {
        test = json_array_get(cases, at);
        run(test, text_of(test, "name"), sandbox);
    }
    json_decref(vectors);
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: conformance VECTORS_DIR SANDBOX_URL\n");
        return 1;
    }
    run_file(argv[1], "callback", argv[2], run_callback);
    run_file(argv[1], "check", argv[2], run_check);
    run_file(argv[1], "pay", argv[2], run_pay);
    run_file(argv[1], "mobile", argv[2], run_mobile);
    run_file(argv[1], "payout", argv[2], run_payout);
    run_file(argv[1], "phone", argv[2], run_phone);
    run_file(argv[1], "forgery", argv[2], run_forgery);
    run_file(argv[1], "states", argv[2], run_states);
    run_file(argv[1], "journal", argv[2], run_journal);
    return not_run == 0 && fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}
