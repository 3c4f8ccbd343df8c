/*
 * A panic inside the library returns FLEXPAY_ERROR_INTERNAL each time, and the program continues.
 * scripts/unwind.sh links this program with a library in which every function panics.
 */

#include <flexpay.h>

#include "test.h"

int main(void) {
    flexpay_config config = FLEXPAY_CONFIG_INIT;
    config.merchant = "ZANDO";
    config.token = "token";
    for (int times = 0; times < 3; times++) {
        flexpay_client *client = NULL;
        flexpay_error *error = NULL;
        CHECK_INT(FLEXPAY_ERROR_INTERNAL, flexpay_client_new(&config, &client, &error));
        CHECK(client == NULL);
        CHECK(error != NULL && error->outcome == FLEXPAY_OUTCOME_UNKNOWN);
        flexpay_error_free(error);

        const char *body = "{\"code\":\"0\",\"reference\":\"R1\"}";
        flexpay_callback *callback = NULL;
        CHECK_INT(FLEXPAY_ERROR_INTERNAL,
                  flexpay_parse_callback((const uint8_t *)body, strlen(body),
                                         &callback, &error));
        CHECK(callback == NULL && error != NULL);
        flexpay_error_free(error);

        flexpay_payout_request request = FLEXPAY_PAYOUT_REQUEST_INIT;
        flexpay_payment *payment = NULL;
        CHECK_INT(FLEXPAY_ERROR_INTERNAL, flexpay_payout(client, &request, &payment, &error));
        CHECK(payment == NULL);
        CHECK(error != NULL && error->outcome == FLEXPAY_OUTCOME_UNKNOWN);
        flexpay_error_free(error);

        char normalized[FLEXPAY_PHONE_SIZE] = "garbage";
        CHECK_INT(FLEXPAY_ERROR_INTERNAL,
                  flexpay_normalize_phone("0812345678", normalized, sizeof normalized, &error));
        CHECK(normalized[0] == '\0' && error != NULL);
        flexpay_error_free(error);
    }
    return test_end();
}
