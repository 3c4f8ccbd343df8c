/* Passes NULL to every function that frees. */

#include "test.h"

#include <flexpay.h>

int main(void)
{
    flexpay_error_free(NULL);
    flexpay_client_free(NULL);
    flexpay_payment_free(NULL);
    flexpay_transaction_free(NULL);
    flexpay_callback_free(NULL);
    flexpay_settlement_free(NULL);
    flexpay_settlements_free(NULL);
    flexpay_text_free(NULL);
    flexpay_cancel_token_free(NULL);
    flexpay_cancel_token_cancel(NULL);
    CHECK(1); /* reached: nothing crashed */
    return test_end();
}
