/* Many threads use one client at the same time, with calls that succeed and calls that fail. */

#include "sandbox.h"
#include "test.h"

#include <pthread.h>

enum { THREADS = 8, ROUNDS = 5 };

struct worker {
    pthread_t thread;
    const flexpay_client *client;
    char reference[ROUNDS][32];
    int failures;
};

/* Counts failures. The main thread checks the count. */
static void *work(void *argument)
{
    struct worker *worker = argument;
    for (int round = 0; round < ROUNDS; round++) {
        flexpay_payment_request request = FLEXPAY_PAYMENT_REQUEST_INIT;
        flexpay_payment *payment;
        flexpay_transaction *transaction;
        flexpay_error *error;
        request.reference = worker->reference[round];
        request.amount = "10";
        request.currency = "USD";
        request.callback_url = request.approve_url = request.cancel_url = request.decline_url =
            "https://shop.example/";
        if (flexpay_pay(worker->client, &request, &payment, NULL) != FLEXPAY_OK) {
            worker->failures++;
            continue;
        }
        if (flexpay_check(worker->client, payment->order_number, &transaction, NULL) !=
            FLEXPAY_OK) {
            worker->failures++;
        } else {
            /* The reply is not that of another thread. */
            worker->failures += strcmp(transaction->reference, request.reference) != 0;
            worker->failures += strcmp(transaction->order_number, payment->order_number) != 0;
            worker->failures += transaction->state != FLEXPAY_STATE_PENDING;
        }
        flexpay_transaction_free(transaction);
        flexpay_payment_free(payment);
        /* The same reference again: refused, and the error belongs to this thread. */
        worker->failures +=
            flexpay_pay(worker->client, &request, &payment, &error) != FLEXPAY_ERROR_REFUSED;
        worker->failures += error == NULL || error->gateway_message == NULL;
        flexpay_error_free(error);
    }
    return NULL;
}

int main(void)
{
    static struct worker workers[THREADS];
    flexpay_client *client = sandbox_client("http", FLEXPAY_API_V1_1);
    for (int at = 0; at < THREADS; at++) {
        workers[at].client = client;
        for (int round = 0; round < ROUNDS; round++)
            strcpy(workers[at].reference[round], sandbox_reference());
        CHECK_INT(0, pthread_create(&workers[at].thread, NULL, work, &workers[at]));
    }
    for (int at = 0; at < THREADS; at++) {
        CHECK_INT(0, pthread_join(workers[at].thread, NULL));
        CHECK_INT(0, workers[at].failures);
    }
    flexpay_client_free(client);
    return test_end();
}
