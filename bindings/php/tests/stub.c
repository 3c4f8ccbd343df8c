/* A library whose flexpay_check returns the code given as the order number, and no error object. */

#include <flexpay.h>
#include <stdlib.h>

int32_t flexpay_abi_version(void) { return FLEXPAY_ABI_VERSION; }
const char *flexpay_version(void) { return "stub"; }
const char *flexpay_result_name(int32_t code) { return code == 2 ? "INTERNAL" : "UNRECOGNIZED"; }
const char *flexpay_outcome_name(int32_t outcome) { return outcome ? "?" : "UNKNOWN"; }
const char *flexpay_entry_state_name(int32_t state) { return state ? "?" : "UNKNOWN"; }
const char *flexpay_state_name(int32_t state) { return state ? "?" : "UNKNOWN"; }
int32_t flexpay_state_may_replace(int32_t recorded, int32_t now) { return recorded < now; }

flexpay_result flexpay_client_new(const flexpay_config *config, flexpay_client **client, flexpay_error **error)
{
    (void)config, (void)client, (void)error;
    return FLEXPAY_OK;
}

flexpay_result flexpay_client_from_env(flexpay_client **client, flexpay_error **error)
{
    (void)client, (void)error;
    return FLEXPAY_OK;
}

flexpay_result flexpay_pay(const flexpay_client *client, const flexpay_payment_request *request,
                           flexpay_payment **payment, flexpay_error **error)
{
    (void)client, (void)request, (void)payment, (void)error;
    return FLEXPAY_ERROR_INTERNAL;
}

flexpay_result flexpay_pay_mobile(const flexpay_client *client, const flexpay_mobile_request *request,
                                  flexpay_payment **payment, flexpay_error **error)
{
    (void)client, (void)request, (void)payment, (void)error;
    return FLEXPAY_ERROR_INTERNAL;
}

flexpay_result flexpay_payout(const flexpay_client *client, const flexpay_payout_request *request,
                              flexpay_payment **payment, flexpay_error **error)
{
    (void)client, (void)request, (void)payment, (void)error;
    return FLEXPAY_ERROR_INTERNAL;
}

flexpay_result flexpay_normalize_phone(const char *phone, char *normalized, size_t size, flexpay_error **error)
{
    (void)phone, (void)normalized, (void)size, (void)error;
    return FLEXPAY_ERROR_INTERNAL;
}

flexpay_result flexpay_check(const flexpay_client *client, const char *order_number,
                             flexpay_transaction **transaction, flexpay_error **error)
{
    (void)client, (void)transaction, (void)error;
    return atoi(order_number);
}

flexpay_result flexpay_wait(const flexpay_client *client, const char *order_number,
                            const flexpay_wait_options *options, flexpay_transaction **transaction,
                            flexpay_error **error)
{
    (void)options;
    return flexpay_check(client, order_number, transaction, error);
}

flexpay_result flexpay_cancel_token_new(flexpay_cancel_token **token, flexpay_error **error)
{
    (void)token, (void)error;
    return FLEXPAY_ERROR_INTERNAL;
}

flexpay_result flexpay_parse_callback(const uint8_t *body, size_t length, flexpay_callback **callback,
                                      flexpay_error **error)
{
    (void)callback, (void)error;
    return length && body[0] == 'k' ? FLEXPAY_OK : FLEXPAY_ERROR_INTERNAL; /* flexpay_callback_key then fails */
}

flexpay_result flexpay_callback_key(const flexpay_callback *callback, char *key, size_t size,
                                    flexpay_error **error)
{
    (void)callback, (void)key, (void)size, (void)error;
    return FLEXPAY_ERROR_INTERNAL;
}

flexpay_result flexpay_verify_callback(const flexpay_client *client, const uint8_t *body, size_t length,
                                       const flexpay_expected *expected, flexpay_transaction **transaction,
                                       flexpay_error **error)
{
    (void)client, (void)body, (void)length, (void)expected, (void)transaction, (void)error;
    return FLEXPAY_ERROR_INTERNAL;
}

flexpay_result flexpay_verify_order(const flexpay_client *client, const flexpay_expected *expected,
                                    flexpay_transaction **transaction, flexpay_error **error)
{
    (void)client, (void)expected, (void)transaction, (void)error;
    return FLEXPAY_ERROR_INTERNAL;
}

flexpay_result flexpay_settle(const flexpay_client *client, const char *reference,
                              const flexpay_wait_options *wait, flexpay_settlement **settlement, flexpay_error **error)
{
    (void)client, (void)reference, (void)wait, (void)settlement, (void)error;
    return FLEXPAY_ERROR_INTERNAL;
}

flexpay_result flexpay_settle_callback(const flexpay_client *client, const uint8_t *body, size_t length,
                                       const char *query, flexpay_settlement **settlement, flexpay_error **error)
{
    (void)client, (void)body, (void)length, (void)query, (void)settlement, (void)error;
    return FLEXPAY_ERROR_INTERNAL;
}

flexpay_result flexpay_reconcile(const flexpay_client *client, const flexpay_reconcile_options *options,
                                 flexpay_settlements **settlements, flexpay_error **error)
{
    (void)client, (void)options, (void)settlements, (void)error;
    return FLEXPAY_ERROR_INTERNAL;
}

flexpay_result flexpay_journal_get(const flexpay_client *client, const char *reference,
                                   flexpay_settlement **settlement, flexpay_error **error)
{
    (void)client, (void)reference, (void)settlement, (void)error;
    return FLEXPAY_ERROR_INTERNAL;
}

flexpay_result flexpay_journal_list(const flexpay_client *client, const flexpay_journal_query *query,
                                    flexpay_settlements **settlements, flexpay_error **error)
{
    (void)client, (void)query, (void)settlements, (void)error;
    return FLEXPAY_ERROR_INTERNAL;
}

flexpay_result flexpay_journal_acknowledge(const flexpay_client *client, const char *reference,
                                           flexpay_settlement **settlement, flexpay_error **error)
{
    (void)client, (void)reference, (void)settlement, (void)error;
    return FLEXPAY_ERROR_INTERNAL;
}

flexpay_result flexpay_journal_resolve(const flexpay_client *client, const flexpay_resolution *resolution,
                                       flexpay_settlement **settlement, flexpay_error **error)
{
    (void)client, (void)resolution, (void)settlement, (void)error;
    return FLEXPAY_ERROR_INTERNAL;
}

flexpay_result flexpay_journal_prune(const flexpay_client *client, uint32_t days, uint64_t *removed,
                                     flexpay_error **error)
{
    (void)client, (void)days, (void)removed, (void)error;
    return FLEXPAY_ERROR_INTERNAL;
}

flexpay_result flexpay_journal_step(const char *request, flexpay_text **reply, flexpay_error **error)
{
    (void)request, (void)reply, (void)error;
    return FLEXPAY_ERROR_INTERNAL;
}

void flexpay_error_free(flexpay_error *error) { (void)error; }
void flexpay_client_free(flexpay_client *client) { (void)client; }
void flexpay_payment_free(flexpay_payment *payment) { (void)payment; }
void flexpay_transaction_free(flexpay_transaction *transaction) { (void)transaction; }
void flexpay_callback_free(flexpay_callback *callback) { (void)callback; }
void flexpay_cancel_token_cancel(const flexpay_cancel_token *token) { (void)token; }
void flexpay_cancel_token_free(flexpay_cancel_token *token) { (void)token; }
void flexpay_settlement_free(flexpay_settlement *settlement) { (void)settlement; }
void flexpay_settlements_free(flexpay_settlements *settlements) { (void)settlements; }
void flexpay_text_free(flexpay_text *text) { (void)text; }
