/* Parses callbacks, and verifies them at the gateway. */

#include "sandbox.h"
#include "test.h"

#include <stdlib.h>

static char callback_body[256];

static void set_body(const char *code, const char *reference, const char *order)
{
    snprintf(callback_body, sizeof callback_body,
             "{\"code\":\"%s\",\"reference\":\"%s\",\"orderNumber\":\"%s\"}", code, reference, order);
}

static flexpay_expected expected_of(const char *reference, const char *order)
{
    flexpay_expected expected = FLEXPAY_EXPECTED_INIT;
    expected.reference = reference;
    expected.amount = "25.50";
    expected.currency = "USD";
    expected.order_number = order;
    return expected;
}

static void parse(void)
{
    static const char body[] = "{\"code\":\"0\",\"reference\":\"R1\",\"provider_reference\":\"P\","
                               "\"orderNumber\":\"O\",\"amount\":\"50.0\",\"phone\":\"\"}";
    static const char form[] = "code=1&reference=Caf%C3%A9+1";
    flexpay_callback *callback;
    flexpay_error *error;
    CHECK_INT(FLEXPAY_OK, flexpay_parse_callback((const uint8_t *)body, strlen(body), &callback,
                                                 &error));
    CHECK(error == NULL);
    if (callback != NULL) {
        CHECK_INT(1, callback->claims_success);
        CHECK_STR("0", callback->code);
        CHECK_STR("R1", callback->reference);
        CHECK_STR("P", callback->provider_reference);
        CHECK_STR("O", callback->order_number);
        CHECK_STR("50.0", callback->amount);
        CHECK_STR(NULL, callback->phone);
        CHECK_STR(NULL, callback->channel);
        CHECK_STR(body, callback->raw);
    }
    flexpay_callback_free(callback);
    CHECK_INT(FLEXPAY_OK, flexpay_parse_callback((const uint8_t *)form, strlen(form), &callback,
                                                 NULL));
    if (callback != NULL) {
        CHECK_INT(0, callback->claims_success);
        CHECK_STR("Caf\xc3\xa9 1", callback->reference);
    }
    flexpay_callback_free(callback);
}

/* Only `length` bytes are read: a body comes from a socket and has no NUL at its end. */
static void parse_truncated(void)
{
    static const char body[] = "{\"code\":\"0\",\"reference\":\"R1\"}";
    for (size_t length = 0; length < strlen(body); length++) {
        uint8_t *exact = malloc(length != 0 ? length : 1);
        if (exact == NULL)
            abort();
        memcpy(exact, body, length);
        CHECK_INT(FLEXPAY_ERROR_CALLBACK, flexpay_parse_callback(exact, length, NULL, NULL));
        free(exact);
    }
}

static void parse_too_long(void)
{
    const size_t max_length = 64 * 1024;
    uint8_t *body = malloc(max_length + 1);
    static const char begin[] = "code=0&reference=";
    flexpay_callback *callback;
    if (body == NULL)
        abort();
    memset(body, 'x', max_length + 1);
    memcpy(body, begin, strlen(begin));
    CHECK_INT(FLEXPAY_OK, flexpay_parse_callback(body, max_length, &callback, NULL));
    flexpay_callback_free(callback);
    CHECK_INT(FLEXPAY_ERROR_CALLBACK, flexpay_parse_callback(body, max_length + 1, &callback, NULL));
    /* No buffer can be this long: refused before a byte is read. */
    CHECK(flexpay_parse_callback(body, (size_t)-1, &callback, NULL) != FLEXPAY_OK);
    free(body);
}

static flexpay_result verify(flexpay_client *client, const flexpay_expected *expected,
                             int32_t *state, char field[64])
{
    flexpay_transaction *transaction;
    flexpay_error *error;
    flexpay_result result = flexpay_verify_callback(client, (const uint8_t *)callback_body,
                                                    strlen(callback_body), expected, &transaction,
                                                    &error);
    *state = transaction != NULL ? transaction->state : -1;
    snprintf(field, 64, "%s", error != NULL && error->field != NULL ? error->field : "");
    CHECK((transaction != NULL) == (result == FLEXPAY_OK));
    CHECK((error != NULL) == (result != FLEXPAY_OK));
    flexpay_transaction_free(transaction);
    flexpay_error_free(error);
    return result;
}

#define MISMATCH(field_name, expected_value)                                                       \
    do {                                                                                           \
        flexpay_expected wrong = (expected_value);                                                 \
        CHECK_INT(FLEXPAY_ERROR_MISMATCH, verify(client, &wrong, &state, field));                  \
        CHECK_STR(field_name, field);                                                              \
    } while (0)

static void verify_all(flexpay_client *client)
{
    char reference[32], other_reference[32], field[64];
    char *order = sandbox_order(reference), *other = sandbox_order(other_reference);
    flexpay_expected expected = expected_of(reference, order);
    int32_t state;

    /* The callback claims success, but the order is pending. */
    set_body("0", reference, order);
    CHECK_INT(FLEXPAY_OK, verify(client, &expected, &state, field));
    CHECK_INT(FLEXPAY_STATE_PENDING, state);
    /* The callback claims success, but the order was declined. */
    sandbox_decide(order, "decline");
    CHECK_INT(FLEXPAY_OK, verify(client, &expected, &state, field));
    CHECK_INT(FLEXPAY_STATE_FAILED, state);
    /* The callback claims failure, but the order was paid. */
    sandbox_decide(order, "approve");
    set_body("1", reference, order);
    CHECK_INT(FLEXPAY_OK, verify(client, &expected, &state, field));
    CHECK_INT(FLEXPAY_STATE_PAID, state);
    /* No order number was recorded: the one in the callback is used. */
    set_body("0", reference, order);
    expected.order_number = NULL;
    CHECK_INT(FLEXPAY_OK, verify(client, &expected, &state, field));
    CHECK_INT(FLEXPAY_STATE_PAID, state);
    /* The amount is compared as a number, not as text. */
    expected.amount = "25.5";
    CHECK_INT(FLEXPAY_OK, verify(client, &expected, &state, field));

    expected = expected_of(reference, order);
    expected.amount = "25.51";
    MISMATCH("amount", expected);
    expected = expected_of(reference, order);
    expected.currency = "CDF";
    MISMATCH("currency", expected);
    MISMATCH("reference", expected_of(other_reference, order));
    MISMATCH("order_number", expected_of(reference, other));
    /* The reference of another order with the number of the order that was paid. */
    set_body("0", other_reference, order);
    MISMATCH("reference", expected_of(other_reference, NULL));
    MISMATCH("order_number", expected_of(other_reference, other));
    /* No order number, neither recorded nor in the callback: nothing can be checked. */
    snprintf(callback_body, sizeof callback_body, "{\"code\":\"0\",\"reference\":\"%s\"}", reference);
    MISMATCH("order_number", expected_of(reference, NULL));

    set_body("0", reference, "no-such-order");
    expected = expected_of(reference, NULL);
    CHECK_INT(FLEXPAY_ERROR_NOT_FOUND, verify(client, &expected, &state, field));
    snprintf(callback_body, sizeof callback_body, "<html>");
    CHECK_INT(FLEXPAY_ERROR_CALLBACK, verify(client, &expected, &state, field));
    set_body("0", reference, order);
    expected.amount = "-1";
    CHECK_INT(FLEXPAY_ERROR_INVALID, verify(client, &expected, &state, field));
    CHECK_STR("amount", field);
    free(order);
    free(other);
}

int main(void)
{
    flexpay_client *client = sandbox_client("http", FLEXPAY_API_V1_1);
    sandbox_clear_faults();
    parse();
    parse_truncated();
    parse_too_long();
    verify_all(client);
    flexpay_client_free(client);
    return test_end();
}
