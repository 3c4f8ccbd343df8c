<?php

declare(strict_types=1);

namespace FlexPay\Internal;

/**
 * The names that callers and the program use, with their numbers in flexpay.h.
 *
 * @internal
 */
final class Names
{
    public const ENVIRONMENTS = ['live' => Abi::ENV_LIVE, 'test' => Abi::ENV_TEST];

    public const APIS = ['v1' => Abi::API_V1, 'v1.1' => Abi::API_V1_1];

    public const KINDS = ['CARD' => Abi::KIND_CARD, 'MOBILE' => Abi::KIND_MOBILE, 'PAYOUT' => Abi::KIND_PAYOUT];

    public const FILTERS = [
        'ALL' => Abi::JOURNAL_ALL,
        'OPEN' => Abi::JOURNAL_OPEN,
        'IN_DOUBT' => Abi::JOURNAL_IN_DOUBT,
        'TO_DELIVER' => Abi::JOURNAL_TO_DELIVER,
    ];

    /** What a person can say of an entry of the journal. */
    public const RESOLUTIONS = [
        'NOT_SENT' => Abi::ENTRY_NOT_SENT,
        'FAILED' => Abi::ENTRY_FAILED,
        'CANCELLED' => Abi::ENTRY_CANCELLED,
    ];

    public const FLAGS = [
        'allow_plain_http' => Abi::FLAG_ALLOW_PLAIN_HTTP,
        'check_once' => Abi::FLAG_CHECK_ONCE,
        'system_roots' => Abi::FLAG_SYSTEM_ROOTS,
        'private_connections' => Abi::FLAG_PRIVATE_CONNECTIONS,
        'allow_payout' => Abi::FLAG_ALLOW_PAYOUT,
        'trace' => Abi::FLAG_TRACE,
    ];

    private function __construct()
    {
    }
}
