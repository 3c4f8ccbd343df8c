/* Cancels a wait: from another thread, from a signal handler, and before it starts. */

#include "sandbox.h"
#include "test.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static const struct timespec five_ms = {0, 5000000};

static flexpay_cancel_token *token;

static flexpay_cancel_token *new_token(void)
{
    flexpay_cancel_token *created = NULL;
    flexpay_error *error;
    CHECK_INT(FLEXPAY_OK, flexpay_cancel_token_new(&created, &error));
    CHECK(created != NULL);
    CHECK(error == NULL);
    return created;
}

/* Waits for an order that stays pending, until the token is cancelled. */
static void expect_cancelled(flexpay_client *client, const char *order)
{
    flexpay_wait_options options = FLEXPAY_WAIT_OPTIONS_INIT;
    flexpay_transaction *transaction;
    flexpay_error *error;
    options.interval_ms = 60000; /* so that the cancellation ends a long pause */
    options.max_interval_ms = 60000;
    options.cancel = token;
    CHECK_INT(FLEXPAY_ERROR_CANCELLED,
              flexpay_wait(client, order, &options, &transaction, &error));
    CHECK(transaction == NULL);
    CHECK(error != NULL);
    if (error != NULL) {
        CHECK_INT(FLEXPAY_ERROR_CANCELLED, error->code);
        CHECK_INT(FLEXPAY_OUTCOME_UNKNOWN, error->outcome);
    }
    flexpay_error_free(error);
}

static void *cancel_after_first_check(void *order)
{
    /* After its first check the wait is in its pause, or about to start it. */
    char check_path[128];
    snprintf(check_path, sizeof check_path, "/check/%s", (const char *)order);
    while (sandbox_requests_with(check_path) == 0)
        nanosleep(&five_ms, NULL);
    flexpay_cancel_token_cancel(token);
    return NULL;
}

#ifndef _WIN32 /* it has no such signals */
static void on_alarm(int signal)
{
    (void)signal;
    flexpay_cancel_token_cancel(token);
}
#endif

static void from_another_thread(flexpay_client *client)
{
    pthread_t thread;
    char *order = sandbox_order(NULL);
    token = new_token();
    CHECK_INT(0, pthread_create(&thread, NULL, cancel_after_first_check, order));
    expect_cancelled(client, order);
    pthread_join(thread, NULL);
    /* It stays cancelled. */
    expect_cancelled(client, order);
    flexpay_cancel_token_free(token);
    free(order);
}

#ifndef _WIN32
static void from_a_signal_handler(flexpay_client *client)
{
    struct sigaction action = {.sa_handler = on_alarm};
    char *order = sandbox_order(NULL);
    token = new_token();
    sigemptyset(&action.sa_mask);
    sigaction(SIGALRM, &action, NULL);
    alarm(1);
    expect_cancelled(client, order);
    signal(SIGALRM, SIG_DFL);
    flexpay_cancel_token_free(token);
    free(order);
}
#endif

static void before_the_wait(flexpay_client *client)
{
    char check_path[128];
    char *order = sandbox_order(NULL);
    token = new_token();
    flexpay_cancel_token_cancel(token);
    flexpay_cancel_token_cancel(token); /* a second call has no effect */
    expect_cancelled(client, order);
    snprintf(check_path, sizeof check_path, "/check/%s", order);
    CHECK_INT(0, sandbox_requests_with(check_path));
    flexpay_cancel_token_free(token);
    free(order);
}

struct waiter {
    flexpay_client *client;
    const char *order;
    flexpay_wait_options options;
    flexpay_result result;
};

static void *wait_on(void *argument)
{
    struct waiter *waiter = argument;
    waiter->result = flexpay_wait(waiter->client, waiter->order, &waiter->options, NULL, NULL);
    return NULL;
}

/* A token may be freed during a wait that uses it: the wait keeps what it needs. */
static void freed_during_the_wait(flexpay_client *client)
{
    pthread_t thread;
    char check_path[128];
    char *order = sandbox_order(NULL);
    struct waiter waiter = {client, order, FLEXPAY_WAIT_OPTIONS_INIT, -1};
    token = new_token();
    waiter.options.timeout_ms = 60000;
    waiter.options.interval_ms = 100;
    waiter.options.max_interval_ms = 100;
    waiter.options.cancel = token;
    CHECK_INT(0, pthread_create(&thread, NULL, wait_on, &waiter));
    snprintf(check_path, sizeof check_path, "/check/%s", order);
    while (sandbox_requests_with(check_path) == 0)
        nanosleep(&five_ms, NULL);
    flexpay_cancel_token_free(token);
    sandbox_decide(order, "approve");
    pthread_join(thread, NULL);
    CHECK_INT(FLEXPAY_OK, waiter.result);
    free(order);
}

/* A gateway that reads the check and never replies does not delay a cancelled wait. */
static void while_the_gateway_is_silent(flexpay_client *client)
{
    pthread_t thread;
    char *order = sandbox_order(NULL);
    token = new_token();
    sandbox_fault("{\"on\":\"check\",\"action\":{\"kind\":\"stall_after\",\"bytes\":0}}");
    CHECK_INT(0, pthread_create(&thread, NULL, cancel_after_first_check, order));
    expect_cancelled(client, order);
    pthread_join(thread, NULL);
    flexpay_cancel_token_free(token);
    sandbox_clear_faults();
    free(order);
}

int main(void)
{
    flexpay_client *client = sandbox_client("http", FLEXPAY_API_V1_1);
    from_another_thread(client);
#ifndef _WIN32
    from_a_signal_handler(client);
#endif
    before_the_wait(client);
    freed_during_the_wait(client);
    while_the_gateway_is_silent(client);
    flexpay_client_free(client);
    return test_end();
}
