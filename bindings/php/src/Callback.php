<?php

declare(strict_types=1);

namespace FlexPay;

use FlexPay\Exception\FlexPayException;
use FlexPay\Internal\Transports;

/**
 * The fields of a callback. ANYONE who knows the URL can post one: use it to find your order, and
 * trust nothing in it before Client::verifyCallback().
 *
 * Strings are UTF-8 as received; null if absent, empty or null.
 *
 * @phpstan-type CallbackFields array{
 *     claims_success: bool,
 *     code: string,
 *     reference: string|null,
 *     provider_reference: string|null,
 *     order_number: string|null,
 *     amount: string|null,
 *     amount_customer: string|null,
 *     currency: string|null,
 *     phone: string|null,
 *     created_at: string|null,
 *     channel: string|null,
 *     message: string|null,
 *     raw: string,
 * }
 */
final class Callback
{
    /** @var CallbackFields */
    private array $fields;

    /**
     * @internal
     *
     * @param CallbackFields $fields by field name in flexpay.h
     */
    public function __construct(array $fields)
    {
        $this->fields = $fields;
    }

    /**
     * Parses a callback body, JSON or form. Verifies nothing, uses no network, does not block.
     *
     * @param string $body the body as received: file_get_contents('php://input'). A body over 64 KiB
     *                     is refused.
     *
     * @throws FlexPayException CallbackException if it cannot be read; LibraryException
     */
    public static function parse(string $body): self
    {
        return new self(Transports::current()->parseCallback($body));
    }

    /**
     * A key that detects a callback delivered again: 64 hexadecimal digits computed from the order
     * number, the reference and the claimed result. The encoding of the body does not change it.
     *
     * Record it only AFTER the callback was verified, in one transaction with the order's state, and
     * only if that state is PAID, REFUNDING or REFUNDED: in every other state verify a repeated
     * callback again. If recorded before, a forged callback could make the real one look like a
     * repeat. With Transaction::mayReplace() you do not need the key.
     */
    public function getKey(): string
    {
        return Transports::current()->callbackKey($this->fields['raw']);
    }

    /** Whether the callback claims success. This is not proof. */
    public function claimsSuccess(): bool
    {
        return $this->fields['claims_success'];
    }

    /** "0": processed with success. Anything else: not successful. */
    public function getCode(): string
    {
        return $this->fields['code'];
    }

    /** Your reference. */
    public function getReference(): ?string
    {
        return $this->fields['reference'];
    }

    /** The operator's reference, on success. */
    public function getProviderReference(): ?string
    {
        return $this->fields['provider_reference'];
    }

    /** The gateway's number. */
    public function getOrderNumber(): ?string
    {
        return $this->fields['order_number'];
    }

    /** The amount, as written. This and the following fields are observed, not documented. */
    public function getAmount(): ?string
    {
        return $this->fields['amount'];
    }

    /** What the customer paid, fees included, as written. */
    public function getAmountCustomer(): ?string
    {
        return $this->fields['amount_customer'];
    }

    /** The currency. */
    public function getCurrency(): ?string
    {
        return $this->fields['currency'];
    }

    /** The customer's telephone number. */
    public function getPhone(): ?string
    {
        return $this->fields['phone'];
    }

    /** The date, as written. */
    public function getCreatedAt(): ?string
    {
        return $this->fields['created_at'];
    }

    /** "visa", "mpesa", ... */
    public function getChannel(): ?string
    {
        return $this->fields['channel'];
    }

    /** The gateway's message. */
    public function getMessage(): ?string
    {
        return $this->fields['message'];
    }

    /** The body as received. */
    public function getRaw(): string
    {
        return $this->fields['raw'];
    }
}
