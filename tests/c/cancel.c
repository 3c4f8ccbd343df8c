/* A wait is ended from another thread, from a signal handler, and before it has begun. */

#include "sandbox.h"
#include "test.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static const struct timespec moment = {0, 5000000};

static flexpay_cancel_token *token;

static flexpay_cancel_token *new_token(void)
{
    flexpay_cancel_token *made = NULL;
    flexpay_error *error;
    CHECK_INT(FLEXPAY_OK, flexpay_cancel_token_new(&made, &error));
    CHECK(made != NULL);
    CHECK(error == NULL);
    return made;
}

/* Waits on the order, which nobody decides, until cancelled. */
static void expect_cancelled(flexpay_client *client, const char *order)
{
    flexpay_wait_options options = FLEXPAY_WAIT_OPTIONS_INIT;
    flexpay_transaction *transaction;
    flexpay_error *error;
    options.interval_ms = 60000; /* so that it is a long pause that is cut short */
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

static void *cancel_later(void *order)
{
    /* Once the wait has asked: then it is in its pause, or about to be. */
    char asked[128];
    snprintf(asked, sizeof asked, "/check/%s", (const char *)order);
    while (sandbox_requests_with(asked) == 0)
        nanosleep(&moment, NULL);
    flexpay_cancel_token_cancel(token);
    return NULL;
}

static void on_alarm(int signal)
{
    (void)signal;
    flexpay_cancel_token_cancel(token);
}

static void from_another_thread(flexpay_client *client)
{
    pthread_t thread;
    char *order = sandbox_order(NULL);
    token = new_token();
    CHECK_INT(0, pthread_create(&thread, NULL, cancel_later, order));
    expect_cancelled(client, order);
    pthread_join(thread, NULL);
    /* It stays cancelled. */
    expect_cancelled(client, order);
    flexpay_cancel_token_free(token);
    free(order);
}

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

static void before_it_begins(flexpay_client *client)
{
    char asked[128];
    char *order = sandbox_order(NULL);
    token = new_token();
    flexpay_cancel_token_cancel(token);
    flexpay_cancel_token_cancel(token); /* twice is once */
    expect_cancelled(client, order);
    snprintf(asked, sizeof asked, "/check/%s", order);
    CHECK_INT(0, sandbox_requests_with(asked));
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

/* The wait keeps what it needs of a token that is freed meanwhile. */
static void freed_during_the_wait(flexpay_client *client)
{
    pthread_t thread;
    char asked[128];
    char *order = sandbox_order(NULL);
    struct waiter waiter = {client, order, FLEXPAY_WAIT_OPTIONS_INIT, -1};
    token = new_token();
    waiter.options.timeout_ms = 60000;
    waiter.options.interval_ms = 100;
    waiter.options.max_interval_ms = 100;
    waiter.options.cancel = token;
    CHECK_INT(0, pthread_create(&thread, NULL, wait_on, &waiter));
    snprintf(asked, sizeof asked, "/check/%s", order);
    while (sandbox_requests_with(asked) == 0)
        nanosleep(&moment, NULL);
    flexpay_cancel_token_free(token);
    sandbox_decide(order, "approve");
    pthread_join(thread, NULL);
    CHECK_INT(FLEXPAY_OK, waiter.result);
    free(order);
}

/* A gateway that takes the question and never answers does not hold a cancelled wait. */
static void while_the_gateway_is_silent(flexpay_client *client)
{
    pthread_t thread;
    char *order = sandbox_order(NULL);
    token = new_token();
    sandbox_fault("{\"on\":\"check\",\"action\":{\"kind\":\"stall_after\",\"bytes\":0}}");
    CHECK_INT(0, pthread_create(&thread, NULL, cancel_later, order));
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
    from_a_signal_handler(client);
    before_it_begins(client);
    freed_during_the_wait(client);
    while_the_gateway_is_silent(client);
    flexpay_client_free(client);
    return test_end();
}
