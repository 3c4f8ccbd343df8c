<?php

declare(strict_types=1);

namespace FlexPay\Internal;

/**
 * The constants of include/flexpay.h, and the fields of its structs.
 *
 * Generated from include/flexpay.h. Run `make header` to update it.
 *
 * @internal
 */
final class Abi
{
    public const OK = 0;
    public const ERROR_INVALID = 1;
    public const ERROR_INTERNAL = 2;
    public const ERROR_RESOLVE = 3;
    public const ERROR_CONNECT = 4;
    public const ERROR_PROXY = 5;
    public const ERROR_TLS = 6;
    public const ERROR_TIMEOUT = 7;
    public const ERROR_CANCELLED = 8;
    public const ERROR_CONNECTION = 9;
    public const ERROR_REPLY = 10;
    public const ERROR_GATEWAY = 11;
    public const ERROR_UNAUTHORIZED = 12;
    public const ERROR_REFUSED = 13;
    public const ERROR_NOT_FOUND = 14;
    public const ERROR_CALLBACK = 15;
    public const ERROR_MISMATCH = 16;
    public const ERROR_JOURNAL = 17;
    public const ERROR_IN_PROGRESS = 18;
    public const ERROR_IN_DOUBT = 19;
    public const OUTCOME_UNKNOWN = 0;
    public const OUTCOME_NOT_SENT = 1;
    public const OUTCOME_REFUSED = 2;
    public const ENV_LIVE = 0;
    public const ENV_TEST = 1;
    public const API_V1 = 0;
    public const API_V1_1 = 1;
    public const KIND_CARD = 0;
    public const KIND_MOBILE = 1;
    public const KIND_PAYOUT = 2;
    public const STATE_UNKNOWN = 0;
    public const STATE_PAID = 1;
    public const STATE_FAILED = 2;
    public const STATE_PENDING = 3;
    public const STATE_REFUNDING = 4;
    public const STATE_REFUNDED = 5;
    public const STATE_CANCELLED = 6;
    public const ENTRY_SENDING = 1;
    public const ENTRY_NOT_SENT = 2;
    public const ENTRY_REFUSED = 3;
    public const ENTRY_IN_DOUBT = 4;
    public const ENTRY_ACCEPTED = 5;
    public const ENTRY_PAID = 6;
    public const ENTRY_FAILED = 7;
    public const ENTRY_CANCELLED = 8;
    public const ENTRY_REFUNDING = 9;
    public const ENTRY_REFUNDED = 10;
    public const JOURNAL_ALL = 0;
    public const JOURNAL_OPEN = 1;
    public const JOURNAL_IN_DOUBT = 2;
    public const JOURNAL_TO_DELIVER = 3;
    public const FLAG_ALLOW_PLAIN_HTTP = 1;
    public const FLAG_CHECK_ONCE = 2;
    public const FLAG_SYSTEM_ROOTS = 4;
    public const FLAG_PRIVATE_CONNECTIONS = 8;
    public const FLAG_ALLOW_PAYOUT = 16;
    public const FLAG_TRACE = 32;
    public const PHONE_SIZE = 13;
    public const CALLBACK_KEY_SIZE = 65;
    public const ABI_VERSION = 1;

    /** The states by name. */
    public const STATES = [
        'UNKNOWN' => self::STATE_UNKNOWN,
        'PAID' => self::STATE_PAID,
        'FAILED' => self::STATE_FAILED,
        'PENDING' => self::STATE_PENDING,
        'REFUNDING' => self::STATE_REFUNDING,
        'REFUNDED' => self::STATE_REFUNDED,
        'CANCELLED' => self::STATE_CANCELLED,
    ];

    /** The fields of each struct, in order. */
    public const FIELDS = [
        'flexpay_error' => [
            'code',
            'outcome',
            'http_status',
            'message',
            'field',
            'gateway_code',
            'gateway_message',
            'order_number',
            'trace',
        ],
        'flexpay_config' => [
            'size',
            'merchant',
            'token',
            'environment',
            'api',
            'pay_url',
            'check_url',
            'timeout_ms',
            'connect_timeout_ms',
            'ca_file',
            'proxy',
            'app_name',
            'flags',
            'callback_secret',
            'callback_secret_previous',
            'mobile_url',
            'payout_url',
            'journal',
        ],
        'flexpay_payment_request' => [
            'size',
            'reference',
            'amount',
            'currency',
            'description',
            'callback_url',
            'approve_url',
            'cancel_url',
            'decline_url',
            'home_url',
            'correlation_id',
        ],
        'flexpay_payment' => [
            'redirect_url',
            'order_number',
            'code',
            'message',
            'page',
            'trace',
            'is_recorded',
        ],
        'flexpay_mobile_request' => [
            'size',
            'reference',
            'amount',
            'currency',
            'phone',
            'callback_url',
            'description',
            'approve_url',
            'cancel_url',
            'decline_url',
            'return_url',
            'correlation_id',
        ],
        'flexpay_payout_request' => [
            'size',
            'reference',
            'amount',
            'currency',
            'phone',
            'callback_url',
            'correlation_id',
        ],
        'flexpay_transaction' => [
            'state',
            'status',
            'order_number',
            'reference',
            'amount',
            'amount_customer',
            'amount_minor',
            'amount_customer_minor',
            'currency',
            'created_at',
            'channel',
            'code',
            'message',
            'raw',
            'trace',
        ],
        'flexpay_expected' => [
            'size',
            'reference',
            'amount',
            'currency',
            'order_number',
            'query',
            'kind',
            'correlation_id',
        ],
        'flexpay_wait_options' => [
            'size',
            'timeout_ms',
            'interval_ms',
            'max_interval_ms',
            'failed_grace_ms',
            'cancel',
            'expected',
            'correlation_id',
        ],
        'flexpay_callback' => [
            'claims_success',
            'code',
            'reference',
            'provider_reference',
            'order_number',
            'amount',
            'amount_customer',
            'currency',
            'phone',
            'created_at',
            'channel',
            'message',
            'raw',
        ],
        'flexpay_settlement' => [
            'reference',
            'kind',
            'state',
            'changed',
            'to_deliver',
            'is_open',
            'amount',
            'currency',
            'phone',
            'order_number',
            'other_order_number',
            'redirect_url',
            'page',
            'last_answer',
            'resolved_by',
            'resolved_why',
            'created_at',
            'changed_at',
            'problem',
        ],
        'flexpay_reconcile_options' => [
            'size',
            'cancel',
            'timeout_ms',
            'reserved',
        ],
        'flexpay_settlements' => [
            'count',
            'items',
            'stopped',
        ],
        'flexpay_journal_query' => [
            'size',
            'after',
            'filter',
            'limit',
        ],
        'flexpay_resolution' => [
            'size',
            'reference',
            'order_number',
            'who',
            'why',
            'state',
            'reserved',
        ],
        'flexpay_text' => [
            'text',
        ],
    ];

    private function __construct()
    {
    }
}
