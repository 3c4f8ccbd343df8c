<?php

declare(strict_types=1);

namespace FlexPay\Internal;

use FlexPay\CancelToken;
use FlexPay\Exception\FlexPayException;

/**
 * How a call reaches the core of flexpay: Library calls the shared library with FFI, Program starts the
 * program and talks to it over its pipes. Both return the same results, and throw the same exceptions.
 *
 * Clients live in the transport until freeClient(). Their PHP objects have only a key, so that nothing
 * that prints a PHP object can print a token.
 *
 * Fields have the names of flexpay.h; null is absent. Environments, APIs, kinds and states are given by
 * name.
 *
 * @internal
 *
 * @phpstan-import-type PaymentFields from \FlexPay\Payment
 * @phpstan-import-type TransactionFields from \FlexPay\Transaction
 * @phpstan-import-type CallbackFields from \FlexPay\Callback
 * @phpstan-import-type SettlementFields from \FlexPay\Settlement
 */
interface Transport
{
    /**
     * Creates a client, and returns its key.
     *
     * @param array<string, string|int|bool|null> $settings flexpay_config, each flag as a boolean
     *
     * @throws FlexPayException
     */
    public function newClient(
        #[\SensitiveParameter]
        array $settings
    ): int;

    /**
     * Creates a client with the settings of the environment, and returns its key.
     *
     * @throws FlexPayException
     */
    public function newClientFromEnvironment(): int;

    public function freeClient(int $client): void;

    /**
     * @param array<string, string|null> $fields flexpay_payment_request
     *
     * @return PaymentFields
     *
     * @throws FlexPayException
     */
    public function pay(int $client, array $fields): array;

    /**
     * @param array<string, string|null> $fields flexpay_mobile_request
     *
     * @return PaymentFields
     *
     * @throws FlexPayException
     */
    public function payMobile(int $client, array $fields): array;

    /**
     * @param array<string, string|null> $fields flexpay_payout_request
     *
     * @return PaymentFields
     *
     * @throws FlexPayException
     */
    public function payout(int $client, array $fields): array;

    /**
     * @return TransactionFields
     *
     * @throws FlexPayException
     */
    public function check(int $client, ?string $orderNumber): array;

    /**
     * @param array<string, string|int|null>  $options  flexpay_wait_options, without the two below
     * @param array<string, string|null>|null $expected flexpay_expected
     *
     * @return TransactionFields
     *
     * @throws FlexPayException
     */
    public function wait(
        int $client,
        ?string $orderNumber,
        array $options,
        ?CancelToken $cancel,
        ?array $expected
    ): array;

    /**
     * @param array<string, string|null> $expected flexpay_expected
     *
     * @return TransactionFields
     *
     * @throws FlexPayException
     */
    public function verifyCallback(int $client, string $body, array $expected): array;

    /**
     * @param array<string, string|null> $expected flexpay_expected
     *
     * @return TransactionFields
     *
     * @throws FlexPayException
     */
    public function verifyOrder(int $client, array $expected): array;

    /**
     * @param array<string, string|int|null>|null $wait flexpay_wait_options; null: asks once
     *
     * @return SettlementFields
     *
     * @throws FlexPayException
     */
    public function settle(int $client, string $reference, ?array $wait, ?CancelToken $cancel): array;

    /**
     * @return SettlementFields
     *
     * @throws FlexPayException
     */
    public function settleCallback(int $client, string $body, ?string $query): array;

    /**
     * @return array{settlements: list<SettlementFields>, stopped: string|null}
     *
     * @throws FlexPayException
     */
    public function reconcile(int $client, int $timeoutMs, ?CancelToken $cancel): array;

    /**
     * @return SettlementFields
     *
     * @throws FlexPayException
     */
    public function journalGet(int $client, string $reference): array;

    /**
     * @param string $filter one of Names::FILTERS
     * @param int    $limit  0: the default
     *
     * @return list<SettlementFields>
     *
     * @throws FlexPayException
     */
    public function journalList(int $client, string $filter, string $after, int $limit): array;

    /**
     * @return SettlementFields
     *
     * @throws FlexPayException
     */
    public function journalAcknowledge(int $client, string $reference): array;

    /**
     * @param array<string, string|null> $resolution flexpay_resolution; its state is one of Names::RESOLUTIONS
     *
     * @return SettlementFields
     *
     * @throws FlexPayException
     */
    public function journalResolve(int $client, array $resolution): array;

    /**
     * Returns how many entries were removed.
     *
     * @throws FlexPayException
     */
    public function journalPrune(int $client, int $days): int;

    /**
     * The rule of the journal: flexpay_journal_step.
     *
     * @param string $request as JSON
     *
     * @return array<string, mixed> the reply
     *
     * @throws FlexPayException
     */
    public function journalStep(string $request): array;

    /**
     * @return CallbackFields
     *
     * @throws FlexPayException
     */
    public function parseCallback(string $body): array;

    /**
     * The key of a callback body.
     *
     * @throws FlexPayException
     */
    public function callbackKey(string $body): string;

    /**
     * A phone number as "243" and nine digits.
     *
     * @throws FlexPayException
     */
    public function normalizePhone(string $phone): string;

    /**
     * Whether the state $now may replace the state $recorded.
     *
     * @param string $recorded one of Abi::STATES
     *
     * @throws FlexPayException
     */
    public function stateMayReplace(string $recorded, string $now): bool;
}
