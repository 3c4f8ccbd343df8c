/* A timer interrupts system calls (EINTR) a thousand times a second. Calls must return the same results
 * as without it. */

#define _XOPEN_SOURCE 700 /* setitimer */

#include "sandbox.h"
#include "test.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/time.h>

static volatile sig_atomic_t interrupts;

static void on_alarm(int signal)
{
    (void)signal;
    interrupts++;
}

/* 0 stops the timer. */
static void interrupt_every(long interval_us)
{
    struct itimerval timer;
    memset(&timer, 0, sizeof timer);
    timer.it_interval.tv_usec = timer.it_value.tv_usec = interval_us;
    CHECK_INT(0, setitimer(ITIMER_REAL, &timer, NULL));
}

/* With a late reply, a reply that is sent byte by byte, and a normal reply. */
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
        interrupt_every(1000);
        flexpay_result result = flexpay_pay(client, &request, &payment, &error);
        interrupt_every(0);
        CHECK_INT(FLEXPAY_OK, result);
        CHECK_STR(NULL, error != NULL ? error->message : NULL);
        flexpay_error_free(error);
        if (payment == NULL)
            continue;
        if (faults[at] != NULL)
            sandbox_fault(faults[at]);
        interrupt_every(1000);
        result = flexpay_check(client, payment->order_number, &transaction, &error);
        interrupt_every(0);
        CHECK_INT(FLEXPAY_OK, result);
        CHECK_STR(NULL, error != NULL ? error->message : NULL);
        CHECK_INT(FLEXPAY_STATE_PENDING, transaction != NULL ? transaction->state : -1);
        flexpay_error_free(error);
        flexpay_transaction_free(transaction);
        flexpay_payment_free(payment);
        /* The interrupts did not cause a second request. */
        CHECK_INT(1, sandbox_requests_with(request.reference));
    }
    flexpay_client_free(client);
}

/* Interrupts must not shorten the pauses of a wait. It sends a check at once, and one more before its
 * deadline. */
static void pauses(void)
{
    flexpay_client *client = sandbox_client("http", FLEXPAY_API_V1_1);
    flexpay_wait_options options = FLEXPAY_WAIT_OPTIONS_INIT;
    char check_path[128];
    char *order = sandbox_order(NULL);
    options.timeout_ms = 4000;
    options.interval_ms = 60000;
    options.max_interval_ms = 60000;
    interrupt_every(1000);
    flexpay_result result = flexpay_wait(client, order, &options, NULL, NULL);
    interrupt_every(0);
    CHECK_INT(FLEXPAY_ERROR_TIMEOUT, result);
    snprintf(check_path, sizeof check_path, "/check/%s", order);
    CHECK_INT(2, sandbox_requests_with(check_path));
    flexpay_client_free(client);
    free(order);
}

int main(void)
{
    struct sigaction action = {.sa_handler = on_alarm}; /* no SA_RESTART, to get EINTR */
    sigemptyset(&action.sa_mask);
    sigaction(SIGALRM, &action, NULL);
    sandbox_clear_faults();
    calls("http");
    calls("https");
    pauses();
    CHECK(interrupts > 0);
    return test_end();
}
