/*
 * minimal.c: the least that takes a payment, without forgetting anything. till.c is the whole story.
 *
 *     cc -std=c99 minimal.c $(pkg-config --cflags --libs flexpay) -o minimal && ./minimal INVOICE-0017
 *
 * FLEXPAY_MERCHANT and FLEXPAY_TOKEN are set, and FLEXPAY_API=v1.1: only that form of the gateway
 * gives the order number that flexpay_wait needs.
 */

#include <flexpay.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    flexpay_client *client = NULL;
    flexpay_payment *payment = NULL;
    flexpay_transaction *transaction = NULL;
    flexpay_error *error = NULL;

    flexpay_payment_request request = FLEXPAY_PAYMENT_REQUEST_INIT;
    request.reference = argc > 1 ? argv[1] : NULL; /* your own; never use one twice */
    request.amount = "25.50";
    request.currency = "USD";
    request.callback_url = "https://boutique.example/flexpay/callback";
    request.approve_url = "https://boutique.example/merci";
    request.cancel_url = "https://boutique.example/annule";
    request.decline_url = "https://boutique.example/refuse";

    if (flexpay_client_from_env(&client, &error) == FLEXPAY_OK &&
        flexpay_pay(client, &request, &payment, &error) == FLEXPAY_OK) {
        printf("Send the customer to %s\n",
               payment->redirect_url ? payment->redirect_url : payment->page);
        fflush(stdout);
        flexpay_expected expected = FLEXPAY_EXPECTED_INIT; /* no other payment will do */
        expected.reference = request.reference;
        expected.amount = request.amount;
        expected.currency = request.currency;
        expected.order_number = payment->order_number;
        flexpay_wait_options options = FLEXPAY_WAIT_OPTIONS_INIT;
        options.expected = &expected;
        if (flexpay_wait(client, payment->order_number, &options, &transaction, &error) ==
            FLEXPAY_OK)
            printf("%s\n", flexpay_state_name(transaction->state));
    }
    /* After a request was taken in, no error means "not paid": look at the order before charging
     * again. Before that, the outcome says whether the request may be repeated. */
    if (error != NULL)
        fprintf(stderr, "%s (%s)\n", error->message,
                flexpay_outcome_name(payment ? FLEXPAY_OUTCOME_UNKNOWN : error->outcome));

    int paid = transaction != NULL && transaction->state == FLEXPAY_STATE_PAID;
    flexpay_error_free(error);
    flexpay_transaction_free(transaction);
    flexpay_payment_free(payment);
    flexpay_client_free(client);
    return paid ? 0 : 1;
}
