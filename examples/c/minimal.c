/*
 * minimal.c: a short but complete program that takes one payment. till.c does more.
 *
 *     cc -std=c99 minimal.c $(pkg-config --cflags --libs flexpay) -o minimal && ./minimal INVOICE-0017
 *
 * Environment: FLEXPAY_MERCHANT, FLEXPAY_TOKEN and FLEXPAY_API=v1.1. Only v1.1 returns the order number
 * that flexpay_wait requires.
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
    request.reference = argc > 1 ? argv[1] : NULL; /* chosen by you; never use one twice */
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
        flexpay_expected expected = FLEXPAY_EXPECTED_INIT; /* accept no other payment */
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
    /* If flexpay_pay succeeded, no later error means "not paid": check the order before charging
     * again. If it failed, the outcome says whether you may retry. */
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
