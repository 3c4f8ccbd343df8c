/* A client that was used before fork still works in parent and children, and so does a client that a
 * child creates. Each process uses only connections that it opened itself. */

#include "http.h"
#include "sandbox.h"
#include "test.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* FLEXPAY_TEST_CHILDREN and FLEXPAY_TEST_CALLS set the size of the test. */
static int number_from_env(const char *name, int default_value)
{
    const char *set = getenv(name);
    return set != NULL && atoi(set) > 0 ? atoi(set) : default_value;
}

/* Checks only one order, so that the sandbox's list of requests shows which process sent them. Returns
 * the number of calls that failed. */
static int failed_calls(const flexpay_client *client, const char *order, int calls)
{
    int failed = 0;
    for (int call = 0; call < calls; call++) {
        flexpay_transaction *transaction;
        flexpay_error *error;
        if (flexpay_check(client, order, &transaction, &error) != FLEXPAY_OK) {
            printf("%s\n", error != NULL ? error->message : "no error");
            failed++;
        }
        flexpay_transaction_free(transaction);
        flexpay_error_free(error);
    }
    return failed;
}

/* How many connections carried checks of more than one order. */
static int shared_connections(void)
{
    enum { MAX_CONNECTIONS = 1 << 16 };
    static char order_of[MAX_CONNECTIONS][40];
    static const char check_path[] = "\"path\":\"/api/rest/v1/check/";
    char *all = NULL;
    int shared = 0, seen = 0;
    CHECK_INT(200, http_exchange(sandbox_env("SANDBOX_URL"), "GET", "/sandbox/api/requests", NULL,
                                 &all));
    memset(order_of, 0, sizeof order_of);
    for (const char *at = all; at != NULL && (at = strstr(at, "\"connection\":")) != NULL;) {
        long connection = strtol(at + strlen("\"connection\":"), NULL, 10);
        const char *end = strstr(at + 1, "\"connection\":");
        const char *path = strstr(at, check_path);
        if (path != NULL && (end == NULL || path < end) && connection < MAX_CONNECTIONS) {
            const char *order = path + strlen(check_path);
            size_t length = strcspn(order, "\"");
            char *known = order_of[connection];
            if (*known == '\0')
                memcpy(known, order, length < 39 ? length : 39);
            else if (strncmp(known, order, length) != 0)
                shared++;
            seen++;
        }
        at = end;
    }
    CHECK(seen > 0);
    free(all);
    return shared;
}

static void across_fork(const char *scheme)
{
    int count = number_from_env("FLEXPAY_TEST_CHILDREN", 8);
    int calls = number_from_env("FLEXPAY_TEST_CALLS", 3);
    flexpay_client *client = sandbox_client(scheme, FLEXPAY_API_V1_1);
    char **orders = malloc((size_t)(count + 1) * sizeof *orders);
    pid_t *children = malloc((size_t)count * sizeof *children);
    for (int at = 0; at <= count; at++)
        orders[at] = sandbox_order(NULL);
    /* Leaves an idle connection, which the children must not use. */
    CHECK_INT(0, failed_calls(client, orders[count], 1));
    fflush(stdout);
    for (int at = 0; at < count; at++) {
        children[at] = fork();
        if (children[at] == 0) {
            int failed;
            if (at % 2 == 1) {
                flexpay_client_free(client);
                client = sandbox_client(scheme, FLEXPAY_API_V1_1);
            }
            failed = failed_calls(client, orders[at], calls);
            fflush(stdout);
            flexpay_client_free(client);
            for (int order = 0; order <= count; order++)
                free(orders[order]);
            free(orders);
            free(children);
            /* Not exit: the child must not close what the parent opened. */
            _exit(failed != 0);
        }
        CHECK(children[at] > 0);
        CHECK_INT(0, failed_calls(client, orders[count], 1));
    }
    CHECK_INT(0, failed_calls(client, orders[count], calls));
    for (int at = 0; at < count; at++) {
        int status = -1;
        CHECK(waitpid(children[at], &status, 0) == children[at]);
        CHECK_INT(0, status);
    }
    CHECK_INT(0, failed_calls(client, orders[count], 1));
    flexpay_client_free(client);
    for (int at = 0; at <= count; at++)
        free(orders[at]);
    free(orders);
    free(children);
}

int main(void)
{
    sandbox_clear_faults();
    /* Clears the requests of earlier tests, whose clients checked many orders. */
    CHECK_INT(204, http_exchange(sandbox_env("SANDBOX_URL"), "POST", "/sandbox/api/clear", "{}", NULL));
    across_fork("http");
    across_fork("https");
    CHECK_INT(0, shared_connections());
    return test_end();
}
