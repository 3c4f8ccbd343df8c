/* A timer interrupts every system call there is (EINTR), a thousand times a second: calls come to
 * what they come to without it. */

#define _XOPEN_SOURCE 700 /* setitimer */

#include "sandbox.h"
#include "test.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/time.h>

static volatile sig_atomic_t storms;

static void on_alarm(int signal)
{
    (void)signal;
    storms++;
}

static void storm(long every_us)
{
    struct itimerval timer;
    memset(&timer, 0, sizeof timer);
    timer.it_interval.tv_usec = timer.it_value.tv_usec = every_us;
    CHECK_INT(0, setitimer(ITIMER_REAL, &timer, NULL));
}

/* With an answer that is late, one that comes in drops, and one that comes as it should. */
static void calls(const char *scheme)
{
    static const char *const faults[] = {
        "{\"on\":\"any\",\"action\":{\"kind\":\"delay\",\"ms\":300}}",
        "{\"on\":\"any\",\"action\":{\"kind\":\"drip\",\"ms_per_byte\":1}}",
        NULL,
    };
    flexpay_client *client = sandbox_client(scheme, FLEXPAY_API_V1_1);
    for (size_t at = 0; at < sizeof faults / sizeof *faults; at++) {
        flexpay_payment_request request = sandbox_request();
        flexpay_payment *payment;
        flexpay_transaction *transaction;
        flexpay_error *error;
        if (faults[at] != NULL)
            sandbox_fault(faults[at]);
        storm(1000);
        flexpay_result result = flexpay_pay(client, &request, &payment, &error);
        storm(0);
        CHECK_INT(FLEXPAY_OK, result);
        CHECK_STR(NULL, error != NULL ? error->message : NULL);
        flexpay_error_free(error);
        if (payment == NULL)
            continue;
        if (faults[at] != NULL)
            sandbox_fault(faults[at]);
        storm(1000);
        result = flexpay_check(client, payment->order_number, &transaction, &error);
        storm(0);
        CHECK_INT(FLEXPAY_OK, result);
        CHECK_STR(NULL, error != NULL ? error->message : NULL);
        CHECK_INT(FLEXPAY_STATE_PENDING, transaction != NULL ? transaction->state : -1);
        flexpay_error_free(error);
        flexpay_transaction_free(transaction);
        flexpay_payment_free(payment);
        /* The storm never made it ask twice. */
        CHECK_INT(1, sandbox_requests_with(request.reference));
    }
    flexpay_client_free(client);
}

/* The pauses of a wait are as long as they are asked to be: it must not spin. It asks at once, and
 * once more before its deadline. */
static void pauses(void)
{
    flexpay_client *client = sandbox_client("http", FLEXPAY_API_V1_1);
    flexpay_wait_options options = FLEXPAY_WAIT_OPTIONS_INIT;
    char asked[128];
    char *order = sandbox_order(NULL);
    options.timeout_ms = 4000;
    options.interval_ms = 60000;
    options.max_interval_ms = 60000;
    storm(1000);
    flexpay_result result = flexpay_wait(client, order, &options, NULL, NULL);
    storm(0);
    CHECK_INT(FLEXPAY_ERROR_TIMEOUT, result);
    snprintf(asked, sizeof asked, "/check/%s", order);
    CHECK_INT(2, sandbox_requests_with(asked));
    flexpay_client_free(client);
    free(order);
}

int main(void)
{
    struct sigaction action = {.sa_handler = on_alarm}; /* no SA_RESTART: EINTR is the point */
    sigemptyset(&action.sa_mask);
    sigaction(SIGALRM, &action, NULL);
    sandbox_clear_faults();
    calls("http");
    calls("https");
    pauses();
    CHECK(storms > 0);
    return test_end();
}
