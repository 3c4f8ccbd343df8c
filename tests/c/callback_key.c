/* A callback that is delivered twice has the same key both times; which state may replace which. */

#include "test.h"

#include <flexpay.h>

static void key_of(const char *body, char key[FLEXPAY_CALLBACK_KEY_SIZE])
{
    flexpay_callback *callback;
    CHECK_INT(FLEXPAY_OK,
              flexpay_parse_callback((const uint8_t *)body, strlen(body), &callback, NULL));
    memset(key, '#', FLEXPAY_CALLBACK_KEY_SIZE);
    CHECK_INT(FLEXPAY_OK, flexpay_callback_key(callback, key, FLEXPAY_CALLBACK_KEY_SIZE, NULL));
    CHECK_INT(FLEXPAY_CALLBACK_KEY_SIZE - 1, (long long)strlen(key));
    CHECK_INT(FLEXPAY_CALLBACK_KEY_SIZE - 1, (long long)strspn(key, "0123456789abcdef"));
    flexpay_callback_free(callback);
}

static void refused(const flexpay_callback *callback, char *key, size_t size, const char *field)
{
    flexpay_error *error;
    CHECK_INT(FLEXPAY_ERROR_INVALID, flexpay_callback_key(callback, key, size, &error));
    CHECK_STR(field, error->field);
    flexpay_error_free(error);
}

static void keys(void)
{
    char first[FLEXPAY_CALLBACK_KEY_SIZE], second[FLEXPAY_CALLBACK_KEY_SIZE];
    key_of("{\"code\":\"0\",\"reference\":\"R\",\"orderNumber\":\"O\"}", first);
    key_of("code=0&order_number=O&reference=R", second);
    CHECK_STR(first, second);
    key_of("{\"code\":\"1\",\"reference\":\"R\",\"orderNumber\":\"O\"}", second);
    CHECK(strcmp(first, second) != 0);
    key_of("{\"code\":\"0\",\"reference\":\"RO\",\"orderNumber\":\"\"}", second);
    CHECK(strcmp(first, second) != 0);
    refused(NULL, first, sizeof first, "callback");
    CHECK_STR("", first);
    flexpay_callback *callback;
    CHECK_INT(FLEXPAY_OK, flexpay_parse_callback((const uint8_t *)"code=0&reference=R", 18, &callback,
                                                 NULL));
    refused(callback, NULL, sizeof first, "key");
    memset(first, '#', sizeof first);
    refused(callback, first, sizeof first - 1, "size");
    CHECK_STR("", first);
    refused(callback, first, 0, "size");
    flexpay_callback_free(callback);
}

static void states(void)
{
    CHECK_INT(1, flexpay_state_may_replace(FLEXPAY_STATE_PENDING, FLEXPAY_STATE_PAID));
    CHECK_INT(1, flexpay_state_may_replace(FLEXPAY_STATE_FAILED, FLEXPAY_STATE_PAID));
    CHECK_INT(1, flexpay_state_may_replace(FLEXPAY_STATE_PAID, FLEXPAY_STATE_REFUNDED));
    CHECK_INT(0, flexpay_state_may_replace(FLEXPAY_STATE_PAID, FLEXPAY_STATE_FAILED));
    CHECK_INT(0, flexpay_state_may_replace(FLEXPAY_STATE_PAID, FLEXPAY_STATE_PENDING));
    static const int32_t invalid[] = {INT32_MIN, -1, FLEXPAY_STATE_UNKNOWN, 7, INT32_MAX};
    for (size_t at = 0; at < sizeof invalid / sizeof *invalid; at++)
        for (int32_t state = FLEXPAY_STATE_UNKNOWN; state <= FLEXPAY_STATE_CANCELLED; state++) {
            CHECK_INT(0, flexpay_state_may_replace(state, invalid[at]));
            CHECK_INT(0, flexpay_state_may_replace(state, state));
        }
}

int main(void)
{
    keys();
    states();
    return test_end();
}
