/* A fake library of a newer version. The environment variables FAKE_* set what it returns. */
#include <flexpay.h>
#include <stdlib.h>

static int number(const char *name) {
    const char *value = getenv(name);
    return value != NULL ? atoi(value) : 0;
}

int32_t flexpay_abi_version(void) { return number("FAKE_ABI"); }
const char *flexpay_version(void) { return "9.9.9"; }
const char *flexpay_result_name(int32_t result) { (void)result; return "NEW"; }
const char *flexpay_outcome_name(int32_t outcome) { (void)outcome; return "NEW"; }
const char *flexpay_state_name(int32_t state) { (void)state; return "NEW"; }
const char *flexpay_entry_state_name(int32_t state) { (void)state; return "NEW"; }

static flexpay_result fail(flexpay_error **error) {
    if (getenv("FAKE_SILENT") == NULL) {
        *error = calloc(1, sizeof **error);
        (*error)->code = number("FAKE_CODE");
        (*error)->outcome = number("FAKE_OUTCOME");
        (*error)->message = "new";
    }
    return number("FAKE_CODE");
}

void flexpay_error_free(flexpay_error *error) { free(error); }

flexpay_result flexpay_client_new(const flexpay_config *config, flexpay_client **client,
                                  flexpay_error **error) {
    (void)config;
    (void)error;
    *client = malloc(1);
    return FLEXPAY_OK;
}
flexpay_result flexpay_client_from_env(flexpay_client **client, flexpay_error **error) {
    return flexpay_client_new(NULL, client, error);
}
void flexpay_client_free(flexpay_client *client) { free(client); }

flexpay_result flexpay_pay(const flexpay_client *client, const flexpay_payment_request *request,
                           flexpay_payment **payment, flexpay_error **error) {
    (void)client;
    (void)request;
    (void)payment;
    return fail(error);
}
flexpay_result flexpay_pay_mobile(const flexpay_client *client,
                                  const flexpay_mobile_request *request, flexpay_payment **payment,
                                  flexpay_error **error) {
    (void)client;
    (void)request;
    (void)payment;
    return fail(error);
}
flexpay_result flexpay_payout(const flexpay_client *client, const flexpay_payout_request *request,
                              flexpay_payment **payment, flexpay_error **error) {
    (void)client;
    (void)request;
    (void)payment;
    return fail(error);
}
flexpay_result flexpay_normalize_phone(const char *phone, char *normalized, size_t size,
                                       flexpay_error **error) {
    (void)phone;
    (void)size;
    normalized[0] = '\0';
    return fail(error);
}
void flexpay_payment_free(flexpay_payment *payment) { free(payment); }

flexpay_result flexpay_check(const flexpay_client *client, const char *order_number,
                             flexpay_transaction **transaction, flexpay_error **error) {
    (void)client;
    (void)order_number;
    (void)error;
    *transaction = calloc(1, sizeof **transaction);
    (*transaction)->state = number("FAKE_STATE");
    (*transaction)->order_number = "O-1";
    (*transaction)->amount_minor = -1;
    (*transaction)->created_at = "0000-01-01T00:00:00";
    return FLEXPAY_OK;
}
void flexpay_transaction_free(flexpay_transaction *transaction) { free(transaction); }

flexpay_result flexpay_cancel_token_new(flexpay_cancel_token **token, flexpay_error **error) {
    (void)token;
    return fail(error);
}
void flexpay_cancel_token_cancel(const flexpay_cancel_token *token) { (void)token; }
void flexpay_cancel_token_free(flexpay_cancel_token *token) { free(token); }

flexpay_result flexpay_wait(const flexpay_client *client, const char *order_number,
                            const flexpay_wait_options *options, flexpay_transaction **transaction,
                            flexpay_error **error) {
    (void)options;
    return flexpay_check(client, order_number, transaction, error);
}
flexpay_result flexpay_parse_callback(const uint8_t *body, size_t length,
                                      flexpay_callback **callback, flexpay_error **error) {
    (void)body;
    (void)length;
    (void)callback;
    return fail(error);
}
flexpay_result flexpay_verify_callback(const flexpay_client *client, const uint8_t *body,
                                       size_t length, const flexpay_expected *expected,
                                       flexpay_transaction **transaction, flexpay_error **error) {
    (void)body;
    (void)length;
    (void)expected;
    return flexpay_check(client, "O-1", transaction, error);
}
flexpay_result flexpay_verify_order(const flexpay_client *client, const flexpay_expected *expected,
                                    flexpay_transaction **transaction, flexpay_error **error) {
    (void)expected;
    return flexpay_check(client, "O-1", transaction, error);
}
flexpay_result flexpay_callback_key(const flexpay_callback *callback, char *key, size_t size,
                                    flexpay_error **error) {
    (void)callback;
    (void)size;
    (void)error;
    key[0] = '\0';
    return FLEXPAY_OK;
}
int32_t flexpay_state_may_replace(int32_t recorded, int32_t now) { return recorded < now; }
void flexpay_callback_free(flexpay_callback *callback) { free(callback); }

flexpay_result flexpay_settle(const flexpay_client *client, const char *reference,
                              const flexpay_wait_options *wait, flexpay_settlement **settlement,
                              flexpay_error **error) {
    (void)client;
    (void)reference;
    (void)wait;
    (void)settlement;
    return fail(error);
}
flexpay_result flexpay_settle_callback(const flexpay_client *client, const uint8_t *body,
                                       size_t length, const char *query,
                                       flexpay_settlement **settlement, flexpay_error **error) {
    (void)client;
    (void)body;
    (void)length;
    (void)query;
    (void)settlement;
    return fail(error);
}
flexpay_result flexpay_reconcile(const flexpay_client *client,
                                 const flexpay_reconcile_options *options,
                                 flexpay_settlements **settlements, flexpay_error **error) {
    (void)client;
    (void)options;
    (void)settlements;
    return fail(error);
}
flexpay_result flexpay_journal_get(const flexpay_client *client, const char *reference,
                                   flexpay_settlement **settlement, flexpay_error **error) {
    (void)client;
    (void)reference;
    (void)settlement;
    return fail(error);
}
flexpay_result flexpay_journal_list(const flexpay_client *client, const flexpay_journal_query *query,
                                    flexpay_settlements **settlements, flexpay_error **error) {
    (void)client;
    (void)query;
    (void)settlements;
    return fail(error);
}
flexpay_result flexpay_journal_acknowledge(const flexpay_client *client, const char *reference,
                                           flexpay_settlement **settlement, flexpay_error **error) {
    return flexpay_journal_get(client, reference, settlement, error);
}
flexpay_result flexpay_journal_resolve(const flexpay_client *client,
                                       const flexpay_resolution *resolution,
                                       flexpay_settlement **settlement, flexpay_error **error) {
    return flexpay_journal_get(client, resolution->reference, settlement, error);
}
flexpay_result flexpay_journal_prune(const flexpay_client *client, uint32_t days, uint64_t *removed,
                                     flexpay_error **error) {
    (void)client;
    (void)days;
    (void)removed;
    return fail(error);
}
flexpay_result flexpay_journal_step(const char *request, flexpay_text **reply,
                                    flexpay_error **error) {
    (void)request;
    (void)reply;
    return fail(error);
}
void flexpay_settlement_free(flexpay_settlement *settlement) { free(settlement); }
void flexpay_settlements_free(flexpay_settlements *settlements) { free(settlements); }
void flexpay_text_free(flexpay_text *text) { free(text); }
