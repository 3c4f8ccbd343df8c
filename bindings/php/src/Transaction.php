<?php

declare(strict_types=1);

namespace FlexPay;

use FlexPay\Exception\FlexPayException;
use FlexPay\Internal\Abi;
use FlexPay\Internal\Arguments;
use FlexPay\Internal\Transports;

/**
 * A transaction as the gateway reports it. Strings are UTF-8; null if absent or unreadable.
 *
 * @phpstan-type TransactionFields array{
 *     state: string,
 *     status: string|null,
 *     order_number: string,
 *     reference: string|null,
 *     amount: string|null,
 *     amount_customer: string|null,
 *     amount_minor: int,
 *     amount_customer_minor: int,
 *     currency: string|null,
 *     created_at: string|null,
 *     channel: string|null,
 *     code: string|null,
 *     message: string|null,
 *     raw: string|null,
 *     trace: string|null,
 * }
 */
final class Transaction
{
    // written by make header: State
    /** The status is not in the gateway's table: neither paid nor failed. */
    public const STATE_UNKNOWN = 'UNKNOWN';

    /** The customer has paid. For a payout: the beneficiary has the money. */
    public const STATE_PAID = 'PAID';

    /**
     * The payment or the payout failed. The gateway can still report PAID later: it reports a failure
     * while the customer is still entering the card or the PIN. Verify the order again for a day. Do not
     * send a payout again before.
     */
    public const STATE_FAILED = 'FAILED';

    /**
     * The customer has neither paid nor cancelled yet. For a payout: the beneficiary does not have the
     * money yet.
     */
    public const STATE_PENDING = 'PENDING';

    /** A refund has begun. */
    public const STATE_REFUNDING = 'REFUNDING';

    /** The money was returned to the customer. For a payout: to you. */
    public const STATE_REFUNDED = 'REFUNDED';

    /** The customer cancelled. */
    public const STATE_CANCELLED = 'CANCELLED';
    // end of State

    /** @var TransactionFields */
    private array $fields;

    /**
     * @internal
     *
     * @param TransactionFields $fields by field name in flexpay.h
     */
    public function __construct(array $fields)
    {
        $this->fields = $fields;
    }

    /** Whether the customer has paid or, for a payout, the beneficiary has the money: STATE_PAID. */
    public function isPaid(): bool
    {
        return $this->fields['state'] === self::STATE_PAID;
    }

    /**
     * Whether this state may replace the one that you have recorded. Callbacks and checks may arrive
     * late, twice and out of order. A late PAID replaces FAILED and CANCELLED. REFUNDING replaces
     * only PAID; REFUNDED replaces PAID and REFUNDING. No state is replaced by itself, by UNKNOWN, or by an earlier one.
     *
     * Use it with a compare-and-set: "UPDATE orders SET state = :now WHERE reference = :reference
     * AND state = :recorded". If no row was changed, another process was first.
     *
     * @param string $recorded one of the STATE_ constants
     *
     * @throws FlexPayException InvalidArgumentException for any other value; LibraryException
     */
    public function mayReplace(string $recorded): bool
    {
        if (!isset(Abi::STATES[$recorded])) {
            $names = implode(', ', array_keys(Abi::STATES));
            throw Arguments::invalid('recorded', 'is not a state; the states are ' . $names);
        }

        return Transports::current()->stateMayReplace($recorded, $this->fields['state']);
    }

    /** One of the STATE_ constants; later versions may add states. */
    public function getState(): string
    {
        return $this->fields['state'];
    }

    /** The status as the gateway wrote it. */
    public function getStatus(): ?string
    {
        return $this->fields['status'];
    }

    /** The order number in the reply or, if it has none, the one in the request. */
    public function getOrderNumber(): string
    {
        return $this->fields['order_number'];
    }

    /** Your reference. One live integration received the order number here instead. */
    public function getReference(): ?string
    {
        return $this->fields['reference'];
    }

    /** The amount requested, with two decimal places: "50.00". Compare this one. */
    public function getAmount(): ?string
    {
        return $this->fields['amount'];
    }

    /** What the customer pays, fees included: "51.00". */
    public function getAmountCustomer(): ?string
    {
        return $this->fields['amount_customer'];
    }

    /** The amount in hundredths: 5000. */
    public function getAmountMinor(): ?int
    {
        return self::orNull($this->fields['amount_minor']);
    }

    /** The customer's amount in hundredths: 5100. */
    public function getAmountCustomerMinor(): ?int
    {
        return self::orNull($this->fields['amount_customer_minor']);
    }

    /** "CDF" or "USD", as the gateway wrote it. */
    public function getCurrency(): ?string
    {
        return $this->fields['currency'];
    }

    /** "2021-02-06T17:32:46", without a time zone: the gateway gives none. */
    public function getCreatedAt(): ?string
    {
        return $this->fields['created_at'];
    }

    /** How it was paid (undocumented): "visa", "mastercard", "mpesa". */
    public function getChannel(): ?string
    {
        return $this->fields['channel'];
    }

    /** The reply's code: the check was understood. It never means that anything was paid. */
    public function getCode(): ?string
    {
        return $this->fields['code'];
    }

    /** The gateway's message. */
    public function getMessage(): ?string
    {
        return $this->fields['message'];
    }

    /** The reply as received. */
    public function getRaw(): ?string
    {
        return $this->fields['raw'];
    }

    /**
     * What the call did, step by step, as JSON text for your log. null without the option trace. It never
     * contains the token.
     */
    public function getCallTrace(): ?string
    {
        return $this->fields['trace'];
    }

    private static function orNull(int $minor): ?int
    {
        return $minor === -1 ? null : $minor;
    }
}
