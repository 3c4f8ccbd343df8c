/* A thread with 64 KiB of stack, as in some servers and tills, pays by card and by mobile money, checks and
 * parses a callback, and does what one does with a journal. The client has a trace and a journal. */

#include "sandbox.h"
#include "test.h"

#include <limits.h>
#include <pthread.h>

#if defined(__SANITIZE_ADDRESS__)
/* The sanitizer makes stack frames larger. */
#define STACK ((size_t)256 * 1024)
#else
#define STACK ((size_t)64 * 1024)
#endif

/* Some processors need more: 128 KiB on ARM with 64 bit. */
static size_t stack_size(void)
{
    const size_t least = PTHREAD_STACK_MIN;
    return least > STACK ? least : STACK;
}

struct work {
    const flexpay_client *client;
    flexpay_payment_request request;
    char mobile_reference[32];
    flexpay_result paid, paid_by_phone, checked, parsed, failed;
    flexpay_result repeated, settled, settled_by_callback, reconciled, listed, acknowledged, pruned, stepped;
};

static void use_journal(struct work *work)
{
    const char *reference = work->request.reference;
    char body[128];
    snprintf(body, sizeof body, "{\"code\":\"0\",\"reference\":\"%s\"}", reference);
    work->repeated = flexpay_pay(work->client, &work->request, NULL, NULL);
    work->settled = flexpay_settle(work->client, reference, NULL, NULL, NULL);
    work->settled_by_callback = flexpay_settle_callback(work->client, (const uint8_t *)body,
                                                        strlen(body), NULL, NULL, NULL);
    work->reconciled = flexpay_reconcile(work->client, NULL, NULL, NULL);
    work->listed = flexpay_journal_list(work->client, NULL, NULL, NULL);
    work->acknowledged = flexpay_journal_acknowledge(work->client, reference, NULL, NULL);
    work->pruned = flexpay_journal_prune(work->client, 1, NULL, NULL);
    work->stepped = flexpay_journal_step("{\"entry\":null,\"sender_is_alive\":false,"
                                         "\"event\":{\"event\":\"settle\"}}",
                                         NULL, NULL);
}

/* Stores the results. The main thread checks them. */
static void *work(void *argument)
{
    static const uint8_t body[] = "{\"code\":\"0\",\"reference\":\"R1\",\"orderNumber\":\"O1\"}";
    struct work *work = argument;
    flexpay_payment *payment;
    flexpay_transaction *transaction;
    flexpay_callback *callback;
    flexpay_error *error;
    flexpay_mobile_request mobile = FLEXPAY_MOBILE_REQUEST_INIT;
    work->paid = flexpay_pay(work->client, &work->request, &payment, NULL);
    work->checked = flexpay_check(work->client, payment != NULL ? payment->order_number : NULL,
                                  &transaction, NULL);
    work->parsed = flexpay_parse_callback(body, sizeof body - 1, &callback, NULL);
    mobile.reference = work->mobile_reference;
    mobile.amount = "575";
    mobile.currency = "CDF";
    mobile.phone = "+243 81 234 56 78";
    mobile.callback_url = "https://shop.example/callback";
    work->paid_by_phone = flexpay_pay_mobile(work->client, &mobile, NULL, NULL);
    work->failed = flexpay_check(work->client, "no-such-order", NULL, &error);
    use_journal(work);
    flexpay_error_free(error);
    flexpay_callback_free(callback);
    flexpay_transaction_free(transaction);
    flexpay_payment_free(payment);
    return NULL;
}

int main(void)
{
    static const int32_t apis[] = {FLEXPAY_API_V1, FLEXPAY_API_V1_1};
    sandbox_clear_faults();
    for (size_t at = 0; at < sizeof apis / sizeof *apis; at++) {
        /* A new client and journal each time, so that each thread does the whole TLS handshake, and makes
         * the file. */
        flexpay_config config = sandbox_config("https", apis[at]);
        flexpay_client *client;
        struct work job = {.paid = -1, .paid_by_phone = -1, .checked = -1, .parsed = -1, .failed = -1,
                           .repeated = -1, .settled = -1, .settled_by_callback = -1, .reconciled = -1,
                           .listed = -1, .acknowledged = -1, .pruned = -1, .stepped = -1};
        pthread_attr_t small;
        pthread_t thread;
        config.flags = FLEXPAY_FLAG_TRACE;
        config.journal = sandbox_journal();
        CHECK_INT(FLEXPAY_OK, flexpay_client_new(&config, &client, NULL));
        job.client = client;
        strcpy(job.mobile_reference, sandbox_reference());
        job.request = sandbox_request();
        CHECK_INT(0, pthread_attr_init(&small));
        CHECK_INT(0, pthread_attr_setstacksize(&small, stack_size()));
        CHECK_INT(0, pthread_create(&thread, &small, work, &job));
        CHECK_INT(0, pthread_join(thread, NULL));
        pthread_attr_destroy(&small);
        CHECK_INT(FLEXPAY_OK, job.paid);
        CHECK_INT(FLEXPAY_OK, job.paid_by_phone);
        /* The v1 API returns no order number. */
        CHECK_INT(apis[at] == FLEXPAY_API_V1 ? FLEXPAY_ERROR_INVALID : FLEXPAY_OK, job.checked);
        CHECK_INT(FLEXPAY_OK, job.parsed);
        CHECK_INT(FLEXPAY_ERROR_NOT_FOUND, job.failed);
        CHECK_INT(FLEXPAY_OK, job.repeated);
        CHECK_INT(FLEXPAY_OK, job.settled);
        /* The callback has no order number. */
        CHECK_INT(apis[at] == FLEXPAY_API_V1 ? FLEXPAY_ERROR_MISMATCH : FLEXPAY_OK,
                  job.settled_by_callback);
        CHECK_INT(FLEXPAY_OK, job.reconciled);
        CHECK_INT(FLEXPAY_OK, job.listed);
        CHECK_INT(FLEXPAY_ERROR_INVALID, job.acknowledged); /* nobody has paid */
        CHECK_INT(FLEXPAY_OK, job.pruned);
        CHECK_INT(FLEXPAY_OK, job.stepped);
        flexpay_client_free(client);
    }
    return test_end();
}
