/* A client that was in use before fork works on in parent and child, on connections of their own. */

#include "sandbox.h"
#include "test.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHILDREN = 8 };

static void across_fork(const char *scheme)
{
    flexpay_client *client = sandbox_client(scheme, FLEXPAY_API_V1_1);
    char *order = sandbox_order(NULL);
    pid_t children[CHILDREN];
    CHECK_INT(FLEXPAY_OK, flexpay_check(client, order, NULL, NULL));
    fflush(stdout);
    for (int at = 0; at < CHILDREN; at++) {
        children[at] = fork();
        if (children[at] == 0) {
            flexpay_transaction *transaction;
            int wrong = 0;
            for (int round = 0; round < 3; round++) {
                wrong |= flexpay_check(client, order, &transaction, NULL) != FLEXPAY_OK;
                flexpay_transaction_free(transaction);
            }
            /* Not exit: what the parent has open is the parent's to close. */
            flexpay_client_free(client);
            free(order);
            _exit(wrong);
        }
        CHECK(children[at] > 0);
        CHECK_INT(FLEXPAY_OK, flexpay_check(client, order, NULL, NULL));
    }
    for (int at = 0; at < CHILDREN; at++) {
        int status = -1;
        CHECK(waitpid(children[at], &status, 0) == children[at]);
        CHECK_INT(0, status);
    }
    CHECK_INT(FLEXPAY_OK, flexpay_check(client, order, NULL, NULL));
    flexpay_client_free(client);
    free(order);
}

int main(void)
{
    sandbox_clear_faults();
    across_fork("http");
    across_fork("https");
    return test_end();
}
