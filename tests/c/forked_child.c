/* A client that was in use before fork works on in parent and children, and so does one that a child
 * makes, on connections of their own: not a byte goes over one that another process opened. */

#include "http.h"
#include "sandbox.h"
#include "test.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* FLEXPAY_TEST_CHILDREN and _CALLS make it as large as wanted; the rest of the suite is small. */
static int number(const char *name, int otherwise)
{
    const char *set = getenv(name);
    return set != NULL && atoi(set) > 0 ? atoi(set) : otherwise;
}

/* Asks for one order only, so that the sandbox's record tells the processes apart. */
static int wrong_calls(const flexpay_client *client, const char *order, int calls)
{
    int wrong = 0;
    for (int call = 0; call < calls; call++) {
        flexpay_transaction *transaction;
        flexpay_error *error;
        if (flexpay_check(client, order, &transaction, &error) != FLEXPAY_OK) {
            printf("%s\n", error != NULL ? error->message : "no error");
            wrong++;
        }
        flexpay_transaction_free(transaction);
        flexpay_error_free(error);
    }
    return wrong;
}

/* How many connections carried questions about more than one order. */
static int shared_connections(void)
{
    enum { MOST = 1 << 16 };
    static char order_of[MOST][40];
    static const char asks[] = "\"path\":\"/api/rest/v1/check/";
    char *all = NULL;
    int shared = 0, seen = 0;
    CHECK_INT(200, http_exchange(sandbox_env("SANDBOX_URL"), "GET", "/sandbox/api/requests", NULL,
                                 &all));
    memset(order_of, 0, sizeof order_of);
    for (const char *at = all; at != NULL && (at = strstr(at, "\"connection\":")) != NULL;) {
        long connection = strtol(at + strlen("\"connection\":"), NULL, 10);
        const char *end = strstr(at + 1, "\"connection\":");
        const char *path = strstr(at, asks);
        if (path != NULL && (end == NULL || path < end) && connection < MOST) {
            const char *order = path + strlen(asks);
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
    int count = number("FLEXPAY_TEST_CHILDREN", 8), calls = number("FLEXPAY_TEST_CALLS", 3);
    flexpay_client *client = sandbox_client(scheme, FLEXPAY_API_V1_1);
    char **orders = malloc((size_t)(count + 1) * sizeof *orders);
    pid_t *children = malloc((size_t)count * sizeof *children);
    for (int at = 0; at <= count; at++)
        orders[at] = sandbox_order(NULL);
    /* A connection that lies ready, for the children to leave alone. */
    CHECK_INT(0, wrong_calls(client, orders[count], 1));
    fflush(stdout);
    for (int at = 0; at < count; at++) {
        children[at] = fork();
        if (children[at] == 0) {
            int wrong;
            if (at % 2 == 1) {
                flexpay_client_free(client);
                client = sandbox_client(scheme, FLEXPAY_API_V1_1);
            }
            wrong = wrong_calls(client, orders[at], calls);
            fflush(stdout);
            flexpay_client_free(client);
            for (int order = 0; order <= count; order++)
                free(orders[order]);
            free(orders);
            free(children);
            /* Not exit: what the parent has open is the parent's to close. */
            _exit(wrong != 0);
        }
        CHECK(children[at] > 0);
        CHECK_INT(0, wrong_calls(client, orders[count], 1));
    }
    CHECK_INT(0, wrong_calls(client, orders[count], calls));
    for (int at = 0; at < count; at++) {
        int status = -1;
        CHECK(waitpid(children[at], &status, 0) == children[at]);
        CHECK_INT(0, status);
    }
    CHECK_INT(0, wrong_calls(client, orders[count], 1));
    flexpay_client_free(client);
    for (int at = 0; at <= count; at++)
        free(orders[at]);
    free(orders);
    free(children);
}

int main(void)
{
    sandbox_clear_faults();
    /* Forgets the requests of the tests before, whose clients asked about many orders. */
    CHECK_INT(204, http_exchange(sandbox_env("SANDBOX_URL"), "POST", "/sandbox/api/clear", "{}", NULL));
    across_fork("http");
    across_fork("https");
    CHECK_INT(0, shared_connections());
    return test_end();
}
