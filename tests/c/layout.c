/*
 * layout.c: prints the constants, sizes and offsets of the header, one per line.
 *
 *     FLEXPAY_OK 0                    a constant
 *     flexpay_error 48                the size of a struct
 *     flexpay_error.message 16        the offset of a field
 */

#include <flexpay.h>
#include <stddef.h>
#include <stdio.h>

#define CONSTANT(name) printf("%s %lld\n", #name, (long long)(name))
#define STRUCT(type) printf("%s %zu\n", #type, sizeof(type))
#define FIELD(type, field) printf("%s.%s %zu\n", #type, #field, offsetof(type, field))

int main(void)
{
    CONSTANT(FLEXPAY_VERSION_MAJOR);
    CONSTANT(FLEXPAY_VERSION_MINOR);
    CONSTANT(FLEXPAY_VERSION_PATCH);
    CONSTANT(FLEXPAY_OK);
    CONSTANT(FLEXPAY_ERROR_INVALID);
    CONSTANT(FLEXPAY_ERROR_INTERNAL);
    CONSTANT(FLEXPAY_ERROR_RESOLVE);
    CONSTANT(FLEXPAY_ERROR_CONNECT);
    CONSTANT(FLEXPAY_ERROR_PROXY);
    CONSTANT(FLEXPAY_ERROR_TLS);
    CONSTANT(FLEXPAY_ERROR_TIMEOUT);
    CONSTANT(FLEXPAY_ERROR_CANCELLED);
    CONSTANT(FLEXPAY_ERROR_CONNECTION);
    CONSTANT(FLEXPAY_ERROR_REPLY);
    CONSTANT(FLEXPAY_ERROR_GATEWAY);
    CONSTANT(FLEXPAY_ERROR_UNAUTHORIZED);
    CONSTANT(FLEXPAY_ERROR_REFUSED);
    CONSTANT(FLEXPAY_ERROR_NOT_FOUND);
    CONSTANT(FLEXPAY_ERROR_CALLBACK);
    CONSTANT(FLEXPAY_ERROR_MISMATCH);
    CONSTANT(FLEXPAY_ERROR_JOURNAL);
    CONSTANT(FLEXPAY_ERROR_IN_PROGRESS);
    CONSTANT(FLEXPAY_ERROR_IN_DOUBT);
    CONSTANT(FLEXPAY_OUTCOME_UNKNOWN);
    CONSTANT(FLEXPAY_OUTCOME_NOT_SENT);
    CONSTANT(FLEXPAY_OUTCOME_REFUSED);
    CONSTANT(FLEXPAY_ENV_LIVE);
    CONSTANT(FLEXPAY_ENV_TEST);
    CONSTANT(FLEXPAY_API_V1);
    CONSTANT(FLEXPAY_API_V1_1);
    CONSTANT(FLEXPAY_FLAG_ALLOW_PLAIN_HTTP);
    CONSTANT(FLEXPAY_FLAG_CHECK_ONCE);
    CONSTANT(FLEXPAY_FLAG_SYSTEM_ROOTS);
    CONSTANT(FLEXPAY_FLAG_PRIVATE_CONNECTIONS);
    CONSTANT(FLEXPAY_FLAG_ALLOW_PAYOUT);
    CONSTANT(FLEXPAY_FLAG_TRACE);
    CONSTANT(FLEXPAY_KIND_CARD);
    CONSTANT(FLEXPAY_KIND_MOBILE);
    CONSTANT(FLEXPAY_KIND_PAYOUT);
    CONSTANT(FLEXPAY_STATE_UNKNOWN);
    CONSTANT(FLEXPAY_STATE_PAID);
    CONSTANT(FLEXPAY_STATE_FAILED);
    CONSTANT(FLEXPAY_STATE_PENDING);
    CONSTANT(FLEXPAY_STATE_REFUNDING);
    CONSTANT(FLEXPAY_STATE_REFUNDED);
    CONSTANT(FLEXPAY_STATE_CANCELLED);
    CONSTANT(FLEXPAY_ENTRY_SENDING);
    CONSTANT(FLEXPAY_ENTRY_NOT_SENT);
    CONSTANT(FLEXPAY_ENTRY_REFUSED);
    CONSTANT(FLEXPAY_ENTRY_IN_DOUBT);
    CONSTANT(FLEXPAY_ENTRY_ACCEPTED);
    CONSTANT(FLEXPAY_ENTRY_PAID);
    CONSTANT(FLEXPAY_ENTRY_FAILED);
    CONSTANT(FLEXPAY_ENTRY_CANCELLED);
    CONSTANT(FLEXPAY_ENTRY_REFUNDING);
    CONSTANT(FLEXPAY_ENTRY_REFUNDED);
    CONSTANT(FLEXPAY_JOURNAL_ALL);
    CONSTANT(FLEXPAY_JOURNAL_OPEN);
    CONSTANT(FLEXPAY_JOURNAL_IN_DOUBT);
    CONSTANT(FLEXPAY_JOURNAL_TO_DELIVER);
    CONSTANT(FLEXPAY_ABI_VERSION);
    CONSTANT(FLEXPAY_CALLBACK_KEY_SIZE);
    CONSTANT(FLEXPAY_PHONE_SIZE);

    STRUCT(flexpay_error);
    FIELD(flexpay_error, code);
    FIELD(flexpay_error, outcome);
    FIELD(flexpay_error, http_status);
    FIELD(flexpay_error, message);
    FIELD(flexpay_error, field);
    FIELD(flexpay_error, gateway_code);
    FIELD(flexpay_error, gateway_message);
    FIELD(flexpay_error, order_number);
    FIELD(flexpay_error, trace);

    STRUCT(flexpay_config);
    FIELD(flexpay_config, size);
    FIELD(flexpay_config, merchant);
    FIELD(flexpay_config, token);
    FIELD(flexpay_config, environment);
    FIELD(flexpay_config, api);
    FIELD(flexpay_config, pay_url);
    FIELD(flexpay_config, check_url);
    FIELD(flexpay_config, timeout_ms);
    FIELD(flexpay_config, connect_timeout_ms);
    FIELD(flexpay_config, ca_file);
    FIELD(flexpay_config, proxy);
    FIELD(flexpay_config, app_name);
    FIELD(flexpay_config, flags);
    FIELD(flexpay_config, callback_secret);
    FIELD(flexpay_config, callback_secret_previous);
    FIELD(flexpay_config, mobile_url);
    FIELD(flexpay_config, payout_url);
    FIELD(flexpay_config, journal);

    STRUCT(flexpay_payment_request);
    FIELD(flexpay_payment_request, size);
    FIELD(flexpay_payment_request, reference);
    FIELD(flexpay_payment_request, amount);
    FIELD(flexpay_payment_request, currency);
    FIELD(flexpay_payment_request, description);
    FIELD(flexpay_payment_request, callback_url);
    FIELD(flexpay_payment_request, approve_url);
    FIELD(flexpay_payment_request, cancel_url);
    FIELD(flexpay_payment_request, decline_url);
    FIELD(flexpay_payment_request, home_url);
    FIELD(flexpay_payment_request, correlation_id);

    STRUCT(flexpay_mobile_request);
    FIELD(flexpay_mobile_request, size);
    FIELD(flexpay_mobile_request, reference);
    FIELD(flexpay_mobile_request, amount);
    FIELD(flexpay_mobile_request, currency);
    FIELD(flexpay_mobile_request, phone);
    FIELD(flexpay_mobile_request, callback_url);
    FIELD(flexpay_mobile_request, description);
    FIELD(flexpay_mobile_request, approve_url);
    FIELD(flexpay_mobile_request, cancel_url);
    FIELD(flexpay_mobile_request, decline_url);
    FIELD(flexpay_mobile_request, return_url);
    FIELD(flexpay_mobile_request, correlation_id);

    STRUCT(flexpay_payout_request);
    FIELD(flexpay_payout_request, size);
    FIELD(flexpay_payout_request, reference);
    FIELD(flexpay_payout_request, amount);
    FIELD(flexpay_payout_request, currency);
    FIELD(flexpay_payout_request, phone);
    FIELD(flexpay_payout_request, callback_url);
    FIELD(flexpay_payout_request, correlation_id);

    STRUCT(flexpay_payment);
    FIELD(flexpay_payment, redirect_url);
    FIELD(flexpay_payment, order_number);
    FIELD(flexpay_payment, code);
    FIELD(flexpay_payment, message);
    FIELD(flexpay_payment, page);
    FIELD(flexpay_payment, trace);
    FIELD(flexpay_payment, is_recorded);

    STRUCT(flexpay_transaction);
    FIELD(flexpay_transaction, state);
    FIELD(flexpay_transaction, status);
    FIELD(flexpay_transaction, order_number);
    FIELD(flexpay_transaction, reference);
    FIELD(flexpay_transaction, amount);
    FIELD(flexpay_transaction, amount_customer);
    FIELD(flexpay_transaction, amount_minor);
    FIELD(flexpay_transaction, amount_customer_minor);
    FIELD(flexpay_transaction, currency);
    FIELD(flexpay_transaction, created_at);
    FIELD(flexpay_transaction, channel);
    FIELD(flexpay_transaction, code);
    FIELD(flexpay_transaction, message);
    FIELD(flexpay_transaction, raw);
    FIELD(flexpay_transaction, trace);

    STRUCT(flexpay_wait_options);
    FIELD(flexpay_wait_options, size);
    FIELD(flexpay_wait_options, timeout_ms);
    FIELD(flexpay_wait_options, interval_ms);
    FIELD(flexpay_wait_options, max_interval_ms);
    FIELD(flexpay_wait_options, failed_grace_ms);
    FIELD(flexpay_wait_options, cancel);
    FIELD(flexpay_wait_options, expected);
    FIELD(flexpay_wait_options, correlation_id);

    STRUCT(flexpay_callback);
    FIELD(flexpay_callback, claims_success);
    FIELD(flexpay_callback, code);
    FIELD(flexpay_callback, reference);
    FIELD(flexpay_callback, provider_reference);
    FIELD(flexpay_callback, order_number);
    FIELD(flexpay_callback, amount);
    FIELD(flexpay_callback, amount_customer);
    FIELD(flexpay_callback, currency);
    FIELD(flexpay_callback, phone);
    FIELD(flexpay_callback, created_at);
    FIELD(flexpay_callback, channel);
    FIELD(flexpay_callback, message);
    FIELD(flexpay_callback, raw);

    STRUCT(flexpay_expected);
    FIELD(flexpay_expected, size);
    FIELD(flexpay_expected, reference);
    FIELD(flexpay_expected, amount);
    FIELD(flexpay_expected, currency);
    FIELD(flexpay_expected, order_number);
    FIELD(flexpay_expected, query);
    FIELD(flexpay_expected, kind);
    FIELD(flexpay_expected, correlation_id);

    STRUCT(flexpay_settlement);
    FIELD(flexpay_settlement, reference);
    FIELD(flexpay_settlement, kind);
    FIELD(flexpay_settlement, state);
    FIELD(flexpay_settlement, changed);
    FIELD(flexpay_settlement, to_deliver);
    FIELD(flexpay_settlement, is_open);
    FIELD(flexpay_settlement, amount);
    FIELD(flexpay_settlement, currency);
    FIELD(flexpay_settlement, phone);
    FIELD(flexpay_settlement, order_number);
    FIELD(flexpay_settlement, other_order_number);
    FIELD(flexpay_settlement, redirect_url);
    FIELD(flexpay_settlement, page);
    FIELD(flexpay_settlement, last_answer);
    FIELD(flexpay_settlement, resolved_by);
    FIELD(flexpay_settlement, resolved_why);
    FIELD(flexpay_settlement, created_at);
    FIELD(flexpay_settlement, changed_at);
    FIELD(flexpay_settlement, problem);

    STRUCT(flexpay_reconcile_options);
    FIELD(flexpay_reconcile_options, size);
    FIELD(flexpay_reconcile_options, cancel);
    FIELD(flexpay_reconcile_options, timeout_ms);
    FIELD(flexpay_reconcile_options, reserved);

    STRUCT(flexpay_settlements);
    FIELD(flexpay_settlements, count);
    FIELD(flexpay_settlements, items);
    FIELD(flexpay_settlements, stopped);

    STRUCT(flexpay_journal_query);
    FIELD(flexpay_journal_query, size);
    FIELD(flexpay_journal_query, after);
    FIELD(flexpay_journal_query, filter);
    FIELD(flexpay_journal_query, limit);

    STRUCT(flexpay_resolution);
    FIELD(flexpay_resolution, size);
    FIELD(flexpay_resolution, reference);
    FIELD(flexpay_resolution, order_number);
    FIELD(flexpay_resolution, who);
    FIELD(flexpay_resolution, why);
    FIELD(flexpay_resolution, state);
    FIELD(flexpay_resolution, reserved);

    STRUCT(flexpay_text);
    FIELD(flexpay_text, text);

    return 0;
}
