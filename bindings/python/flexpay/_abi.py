"""include/flexpay.h for ctypes: its constants, structs and functions.

Generated from include/flexpay.h. Run `make header` to update it.
"""

from __future__ import annotations

from ctypes import c_char_p, c_int32, c_int64, c_size_t, c_uint32, c_uint64, c_void_p
from typing import Any, Dict, List, Tuple

OK = 0
ERROR_INVALID = 1
ERROR_INTERNAL = 2
ERROR_RESOLVE = 3
ERROR_CONNECT = 4
ERROR_PROXY = 5
ERROR_TLS = 6
ERROR_TIMEOUT = 7
ERROR_CANCELLED = 8
ERROR_CONNECTION = 9
ERROR_REPLY = 10
ERROR_GATEWAY = 11
ERROR_UNAUTHORIZED = 12
ERROR_REFUSED = 13
ERROR_NOT_FOUND = 14
ERROR_CALLBACK = 15
ERROR_MISMATCH = 16
ERROR_JOURNAL = 17
ERROR_IN_PROGRESS = 18
ERROR_IN_DOUBT = 19
OUTCOME_UNKNOWN = 0
OUTCOME_NOT_SENT = 1
OUTCOME_REFUSED = 2
ENV_LIVE = 0
ENV_TEST = 1
API_V1 = 0
API_V1_1 = 1
KIND_CARD = 0
KIND_MOBILE = 1
KIND_PAYOUT = 2
STATE_UNKNOWN = 0
STATE_PAID = 1
STATE_FAILED = 2
STATE_PENDING = 3
STATE_REFUNDING = 4
STATE_REFUNDED = 5
STATE_CANCELLED = 6
ENTRY_SENDING = 1
ENTRY_NOT_SENT = 2
ENTRY_REFUSED = 3
ENTRY_IN_DOUBT = 4
ENTRY_ACCEPTED = 5
ENTRY_PAID = 6
ENTRY_FAILED = 7
ENTRY_CANCELLED = 8
ENTRY_REFUNDING = 9
ENTRY_REFUNDED = 10
JOURNAL_ALL = 0
JOURNAL_OPEN = 1
JOURNAL_IN_DOUBT = 2
JOURNAL_TO_DELIVER = 3
FLAG_ALLOW_PLAIN_HTTP = 1
FLAG_CHECK_ONCE = 2
FLAG_SYSTEM_ROOTS = 4
FLAG_PRIVATE_CONNECTIONS = 8
FLAG_ALLOW_PAYOUT = 16
FLAG_TRACE = 32
PHONE_SIZE = 13
CALLBACK_KEY_SIZE = 65
ABI_VERSION = 1

FIELDS: Dict[str, List[Tuple[str, Any]]] = {
    "flexpay_error": [
        ("code", c_int32),
        ("outcome", c_int32),
        ("http_status", c_int32),
        ("message", c_char_p),
        ("field", c_char_p),
        ("gateway_code", c_char_p),
        ("gateway_message", c_char_p),
        ("order_number", c_char_p),
        ("trace", c_char_p),
    ],
    "flexpay_config": [
        ("size", c_size_t),
        ("merchant", c_char_p),
        ("token", c_char_p),
        ("environment", c_int32),
        ("api", c_int32),
        ("pay_url", c_char_p),
        ("check_url", c_char_p),
        ("timeout_ms", c_uint32),
        ("connect_timeout_ms", c_uint32),
        ("ca_file", c_char_p),
        ("proxy", c_char_p),
        ("app_name", c_char_p),
        ("flags", c_uint64),
        ("callback_secret", c_char_p),
        ("callback_secret_previous", c_char_p),
        ("mobile_url", c_char_p),
        ("payout_url", c_char_p),
        ("journal", c_char_p),
    ],
    "flexpay_payment_request": [
        ("size", c_size_t),
        ("reference", c_char_p),
        ("amount", c_char_p),
        ("currency", c_char_p),
        ("description", c_char_p),
        ("callback_url", c_char_p),
        ("approve_url", c_char_p),
        ("cancel_url", c_char_p),
        ("decline_url", c_char_p),
        ("home_url", c_char_p),
        ("correlation_id", c_char_p),
    ],
    "flexpay_payment": [
        ("redirect_url", c_char_p),
        ("order_number", c_char_p),
        ("code", c_char_p),
        ("message", c_char_p),
        ("page", c_char_p),
        ("trace", c_char_p),
        ("is_recorded", c_int32),
    ],
    "flexpay_mobile_request": [
        ("size", c_size_t),
        ("reference", c_char_p),
        ("amount", c_char_p),
        ("currency", c_char_p),
        ("phone", c_char_p),
        ("callback_url", c_char_p),
        ("description", c_char_p),
        ("approve_url", c_char_p),
        ("cancel_url", c_char_p),
        ("decline_url", c_char_p),
        ("return_url", c_char_p),
        ("correlation_id", c_char_p),
    ],
    "flexpay_payout_request": [
        ("size", c_size_t),
        ("reference", c_char_p),
        ("amount", c_char_p),
        ("currency", c_char_p),
        ("phone", c_char_p),
        ("callback_url", c_char_p),
        ("correlation_id", c_char_p),
    ],
    "flexpay_transaction": [
        ("state", c_int32),
        ("status", c_char_p),
        ("order_number", c_char_p),
        ("reference", c_char_p),
        ("amount", c_char_p),
        ("amount_customer", c_char_p),
        ("amount_minor", c_int64),
        ("amount_customer_minor", c_int64),
        ("currency", c_char_p),
        ("created_at", c_char_p),
        ("channel", c_char_p),
        ("code", c_char_p),
        ("message", c_char_p),
        ("raw", c_char_p),
        ("trace", c_char_p),
    ],
    "flexpay_expected": [
        ("size", c_size_t),
        ("reference", c_char_p),
        ("amount", c_char_p),
        ("currency", c_char_p),
        ("order_number", c_char_p),
        ("query", c_char_p),
        ("kind", c_int32),
        ("correlation_id", c_char_p),
    ],
    "flexpay_wait_options": [
        ("size", c_size_t),
        ("timeout_ms", c_uint32),
        ("interval_ms", c_uint32),
        ("max_interval_ms", c_uint32),
        ("failed_grace_ms", c_uint32),
        ("cancel", c_void_p),
        ("expected", c_void_p),
        ("correlation_id", c_char_p),
    ],
    "flexpay_callback": [
        ("claims_success", c_int32),
        ("code", c_char_p),
        ("reference", c_char_p),
        ("provider_reference", c_char_p),
        ("order_number", c_char_p),
        ("amount", c_char_p),
        ("amount_customer", c_char_p),
        ("currency", c_char_p),
        ("phone", c_char_p),
        ("created_at", c_char_p),
        ("channel", c_char_p),
        ("message", c_char_p),
        ("raw", c_char_p),
    ],
    "flexpay_settlement": [
        ("reference", c_char_p),
        ("kind", c_int32),
        ("state", c_int32),
        ("changed", c_int32),
        ("to_deliver", c_int32),
        ("is_open", c_int32),
        ("amount", c_char_p),
        ("currency", c_char_p),
        ("phone", c_char_p),
        ("order_number", c_char_p),
        ("other_order_number", c_char_p),
        ("redirect_url", c_char_p),
        ("page", c_char_p),
        ("last_answer", c_char_p),
        ("resolved_by", c_char_p),
        ("resolved_why", c_char_p),
        ("created_at", c_char_p),
        ("changed_at", c_char_p),
        ("problem", c_char_p),
    ],
    "flexpay_reconcile_options": [
        ("size", c_size_t),
        ("cancel", c_void_p),
        ("timeout_ms", c_uint32),
        ("reserved", c_uint32),
    ],
    "flexpay_settlements": [
        ("count", c_size_t),
        ("items", c_void_p),
        ("stopped", c_char_p),
    ],
    "flexpay_journal_query": [
        ("size", c_size_t),
        ("after", c_char_p),
        ("filter", c_int32),
        ("limit", c_uint32),
    ],
    "flexpay_resolution": [
        ("size", c_size_t),
        ("reference", c_char_p),
        ("order_number", c_char_p),
        ("who", c_char_p),
        ("why", c_char_p),
        ("state", c_int32),
        ("reserved", c_uint32),
    ],
    "flexpay_text": [
        ("text", c_char_p),
    ],
}

# The type of the result, and of the parameters of each function. A body is a pointer and a length:
# as a c_char_p, ctypes passes the address of the bytes, NUL or not. Other pointers are c_void_p.
FUNCTIONS: Dict[str, Tuple[Any, List[Any]]] = {
    "flexpay_error_free": (
        None,
        [
            c_void_p,
        ],
    ),
    "flexpay_client_new": (
        c_int32,
        [
            c_void_p,
            c_void_p,
            c_void_p,
        ],
    ),
    "flexpay_client_from_env": (
        c_int32,
        [
            c_void_p,
            c_void_p,
        ],
    ),
    "flexpay_client_free": (
        None,
        [
            c_void_p,
        ],
    ),
    "flexpay_pay": (
        c_int32,
        [
            c_void_p,
            c_void_p,
            c_void_p,
            c_void_p,
        ],
    ),
    "flexpay_payment_free": (
        None,
        [
            c_void_p,
        ],
    ),
    "flexpay_pay_mobile": (
        c_int32,
        [
            c_void_p,
            c_void_p,
            c_void_p,
            c_void_p,
        ],
    ),
    "flexpay_payout": (
        c_int32,
        [
            c_void_p,
            c_void_p,
            c_void_p,
            c_void_p,
        ],
    ),
    "flexpay_normalize_phone": (
        c_int32,
        [
            c_char_p,
            c_char_p,
            c_size_t,
            c_void_p,
        ],
    ),
    "flexpay_state_may_replace": (
        c_int32,
        [
            c_int32,
            c_int32,
        ],
    ),
    "flexpay_check": (
        c_int32,
        [
            c_void_p,
            c_char_p,
            c_void_p,
            c_void_p,
        ],
    ),
    "flexpay_transaction_free": (
        None,
        [
            c_void_p,
        ],
    ),
    "flexpay_cancel_token_new": (
        c_int32,
        [
            c_void_p,
            c_void_p,
        ],
    ),
    "flexpay_cancel_token_cancel": (
        None,
        [
            c_void_p,
        ],
    ),
    "flexpay_cancel_token_free": (
        None,
        [
            c_void_p,
        ],
    ),
    "flexpay_wait": (
        c_int32,
        [
            c_void_p,
            c_char_p,
            c_void_p,
            c_void_p,
            c_void_p,
        ],
    ),
    "flexpay_parse_callback": (
        c_int32,
        [
            c_char_p,
            c_size_t,
            c_void_p,
            c_void_p,
        ],
    ),
    "flexpay_callback_key": (
        c_int32,
        [
            c_void_p,
            c_char_p,
            c_size_t,
            c_void_p,
        ],
    ),
    "flexpay_verify_callback": (
        c_int32,
        [
            c_void_p,
            c_char_p,
            c_size_t,
            c_void_p,
            c_void_p,
            c_void_p,
        ],
    ),
    "flexpay_verify_order": (
        c_int32,
        [
            c_void_p,
            c_void_p,
            c_void_p,
            c_void_p,
        ],
    ),
    "flexpay_callback_free": (
        None,
        [
            c_void_p,
        ],
    ),
    "flexpay_settle": (
        c_int32,
        [
            c_void_p,
            c_char_p,
            c_void_p,
            c_void_p,
            c_void_p,
        ],
    ),
    "flexpay_settle_callback": (
        c_int32,
        [
            c_void_p,
            c_char_p,
            c_size_t,
            c_char_p,
            c_void_p,
            c_void_p,
        ],
    ),
    "flexpay_reconcile": (
        c_int32,
        [
            c_void_p,
            c_void_p,
            c_void_p,
            c_void_p,
        ],
    ),
    "flexpay_settlement_free": (
        None,
        [
            c_void_p,
        ],
    ),
    "flexpay_settlements_free": (
        None,
        [
            c_void_p,
        ],
    ),
    "flexpay_journal_get": (
        c_int32,
        [
            c_void_p,
            c_char_p,
            c_void_p,
            c_void_p,
        ],
    ),
    "flexpay_journal_list": (
        c_int32,
        [
            c_void_p,
            c_void_p,
            c_void_p,
            c_void_p,
        ],
    ),
    "flexpay_journal_acknowledge": (
        c_int32,
        [
            c_void_p,
            c_char_p,
            c_void_p,
            c_void_p,
        ],
    ),
    "flexpay_journal_resolve": (
        c_int32,
        [
            c_void_p,
            c_void_p,
            c_void_p,
            c_void_p,
        ],
    ),
    "flexpay_journal_prune": (
        c_int32,
        [
            c_void_p,
            c_uint32,
            c_void_p,
            c_void_p,
        ],
    ),
    "flexpay_journal_step": (
        c_int32,
        [
            c_char_p,
            c_void_p,
            c_void_p,
        ],
    ),
    "flexpay_text_free": (
        None,
        [
            c_void_p,
        ],
    ),
    "flexpay_result_name": (
        c_char_p,
        [
            c_int32,
        ],
    ),
    "flexpay_outcome_name": (
        c_char_p,
        [
            c_int32,
        ],
    ),
    "flexpay_state_name": (
        c_char_p,
        [
            c_int32,
        ],
    ),
    "flexpay_entry_state_name": (
        c_char_p,
        [
            c_int32,
        ],
    ),
    "flexpay_version": (
        c_char_p,
        [],
    ),
    "flexpay_abi_version": (
        c_int32,
        [],
    ),
}
