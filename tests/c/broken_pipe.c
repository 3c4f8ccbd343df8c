/* The peer closes or resets the connection while SIGPIPE has its default action, which ends the
 * process. The program must survive, and the outcome must state whether the request may be repeated. */

#include "sandbox.h"
#include "test.h"

#include <signal.h>
#include <stdlib.h>

static void pay_fails(const char *scheme, const char *fault, flexpay_result result, int32_t outcome,
                      int recorded)
{
    flexpay_client *client = sandbox_client(scheme, FLEXPAY_API_V1_1);
    flexpay_payment_request request = sandbox_request();
    char *long_text = malloc(512 * 1024);
    flexpay_payment *payment;
    flexpay_error *error;
    if (long_text == NULL)
        abort();
    /* Longer than any socket buffer, so that the peer closes during a write. */
    memset(long_text, 'x', 512 * 1024 - 1);
    long_text[512 * 1024 - 1] = '\0';
    request.description = long_text;
    sandbox_fault(fault);
    CHECK_INT(result, flexpay_pay(client, &request, &payment, &error));
    CHECK(payment == NULL);
    CHECK(error != NULL);
    if (error != NULL)
        CHECK_INT(outcome, error->outcome);
    CHECK_INT(recorded, sandbox_requests_with(request.reference));
    flexpay_error_free(error);
    flexpay_client_free(client);
    free(long_text);
    sandbox_clear_faults();
}

/* A check changes nothing at the gateway, so the library retries it. */
static void check_is_retried(const char *scheme)
{
    flexpay_client *client = sandbox_client(scheme, FLEXPAY_API_V1_1);
    char *order = sandbox_order(NULL);
    static const char *const faults[] = {
        "{\"on\":\"connection\",\"action\":{\"kind\":\"reset_before_reading\"}}",
        "{\"on\":\"check\",\"action\":{\"kind\":\"reset_after_reading\"}}",
        "{\"on\":\"check\",\"action\":{\"kind\":\"close_after_reading\"}}",
        "{\"on\":\"check\",\"action\":{\"kind\":\"cut_after\",\"bytes\":40}}",
    };
    for (size_t at = 0; at < sizeof faults / sizeof *faults; at++) {
        sandbox_fault(faults[at]);
        CHECK_INT(FLEXPAY_OK, flexpay_check(client, order, NULL, NULL));
    }
    free(order);
    flexpay_client_free(client);
}

/* Over TLS the handshake comes first, so no byte of the request was sent. Over plain HTTP the reset may
 * come before or after the first byte: the outcome must match the error code. */
static void reset_before_reading(const char *scheme)
{
    flexpay_client *client = sandbox_client(scheme, FLEXPAY_API_V1_1);
    flexpay_payment_request request = sandbox_request();
    flexpay_error *error;
    sandbox_fault("{\"on\":\"connection\",\"action\":{\"kind\":\"reset_before_reading\"}}");
    CHECK(flexpay_pay(client, &request, NULL, &error) != FLEXPAY_OK);
    CHECK(error != NULL);
    if (error != NULL && (strcmp(scheme, "https") == 0 || error->code == FLEXPAY_ERROR_CONNECT))
        CHECK_INT(FLEXPAY_OUTCOME_NOT_SENT, error->outcome);
    else if (error != NULL)
        CHECK_INT(FLEXPAY_ERROR_CONNECTION, error->code);
    flexpay_error_free(error);
    /* The gateway did not receive it, and the library did not repeat it. */
    CHECK_INT(0, sandbox_requests_with(request.reference));
    CHECK_INT(FLEXPAY_OK, flexpay_pay(client, &request, NULL, NULL));
    flexpay_client_free(client);
}

int main(void)
{
    static const char *const schemes[] = {"http", "https"};
    signal(SIGPIPE, SIG_DFL);
    sandbox_clear_faults();
    for (size_t at = 0; at < 2; at++) {
        pay_fails(schemes[at], "{\"on\":\"pay\",\"action\":{\"kind\":\"reset_after_reading\"}}",
                  FLEXPAY_ERROR_CONNECTION, FLEXPAY_OUTCOME_UNKNOWN, 1);
        pay_fails(schemes[at], "{\"on\":\"pay\",\"action\":{\"kind\":\"close_after_reading\"}}",
                  FLEXPAY_ERROR_CONNECTION, FLEXPAY_OUTCOME_UNKNOWN, 1);
        pay_fails(schemes[at], "{\"on\":\"pay\",\"action\":{\"kind\":\"cut_after\",\"bytes\":60}}",
                  FLEXPAY_ERROR_CONNECTION, FLEXPAY_OUTCOME_UNKNOWN, 1);
        check_is_retried(schemes[at]);
    }
    reset_before_reading("http");
    reset_before_reading("https");
    return test_end();
}
