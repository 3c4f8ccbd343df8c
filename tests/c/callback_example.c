/* The example callback: what is paid is delivered once, whoever learnt first that it is paid.
 *
 * CALLBACK_PROGRAM is the example, built. */

#include "portable.h"
#include "sandbox.h"
#include "test.h"

#include <stdlib.h>

#ifdef _WIN32
#define popen _popen
#define pclose _pclose
/* It is the exit status itself. */
#define WIFEXITED(status) ((status) >= 0)
#define WEXITSTATUS(status) (status)
#endif

static flexpay_client *client;

/* Gives a callback to the program, as a web server would. Returns its exit status. */
static int post(const char *reference, const char *order_number)
{
    FILE *program = popen(sandbox_env("CALLBACK_PROGRAM"), "w");
    CHECK(program != NULL);
    if (program == NULL)
        return -1;
    fprintf(program, "{\"code\":\"0\",\"reference\":\"%s\",\"orderNumber\":\"%s\"}", reference, order_number);
    int status = pclose(program);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* A payment that the customer has not paid yet. Returns its order number; free it with free(). */
static char *accepted(const char *reference)
{
    flexpay_payment_request request = sandbox_request();
    request.reference = reference;
    CHECK_INT(FLEXPAY_OK, flexpay_pay(client, &request, NULL, NULL));
    return sandbox_order_of(reference);
}

static void the_callback_is_first(void)
{
    char *order = accepted("EXAMPLE-1");
    CHECK_INT(3, post("EXAMPLE-1", order)); /* not paid yet */
    sandbox_decide(order, "approve");
    CHECK_INT(0, post("EXAMPLE-1", order));
    CHECK_INT(4, post("EXAMPLE-1", order));
    free(order);
}

/* Another program has asked the gateway, and has delivered nothing. */
static void reconcile_is_first(void)
{
    flexpay_settlements *found;
    char *order = accepted("EXAMPLE-2");
    sandbox_decide(order, "approve");
    CHECK_INT(FLEXPAY_OK, flexpay_reconcile(client, NULL, &found, NULL));
    CHECK(found != NULL && found->stopped == NULL);
    flexpay_settlements_free(found);
    CHECK_INT(0, post("EXAMPLE-2", order));
    CHECK_INT(4, post("EXAMPLE-2", order));
    free(order);
}

static void the_till_is_first(void)
{
    flexpay_settlement *entry;
    char *order = accepted("EXAMPLE-3");
    sandbox_decide(order, "approve");
    CHECK_INT(FLEXPAY_OK, flexpay_settle(client, "EXAMPLE-3", NULL, NULL, NULL));
    CHECK_INT(FLEXPAY_OK, flexpay_journal_acknowledge(client, "EXAMPLE-3", &entry, NULL));
    CHECK(entry != NULL && entry->changed == 1);
    flexpay_settlement_free(entry);
    CHECK_INT(4, post("EXAMPLE-3", order));
    free(order);
}

static void nothing_is_delivered(void)
{
    char *order = accepted("EXAMPLE-4");
    CHECK_INT(2, post("EXAMPLE-4", "other1")); /* the gateway does not know that order */
    sandbox_decide(order, "decline");
    CHECK_INT(2, post("EXAMPLE-4", order)); /* a late PAID may still replace it */
    CHECK_INT(1, post("EXAMPLE-9", order));
    free(order);

    flexpay_payout_request payout = sandbox_payout_request();
    payout.reference = "EXAMPLE-5";
    CHECK_INT(FLEXPAY_OK, flexpay_payout(client, &payout, NULL, NULL));
    order = sandbox_order_of("EXAMPLE-5");
    CHECK_INT(3, post("EXAMPLE-5", order));
    flexpay_error *error;
    CHECK_INT(FLEXPAY_ERROR_INVALID, flexpay_journal_acknowledge(client, "EXAMPLE-5", NULL, &error));
    CHECK_STR("reference", error != NULL ? error->field : NULL);
    flexpay_error_free(error);
    free(order);
}

int main(void)
{
    const char *journal = sandbox_journal();
    setenv("FLEXPAY_JOURNAL", journal, 1);
    client = sandbox_journal_client(journal);
    the_callback_is_first();
    reconcile_is_first();
    the_till_is_first();
    nothing_is_delivered();
    flexpay_client_free(client);
    return test_end();
}
