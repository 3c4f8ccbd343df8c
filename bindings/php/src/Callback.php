<?php

declare(strict_types=1);

namespace FlexPay;

use FlexPay\Exception\FlexPayException;
use FlexPay\Internal\Library;

/**
 * What a callback says. ANYONE who knows the address can post one: use it to find your order, and
 * believe nothing of it before Client::verifyCallback().
 *
 * Text is UTF-8 as received; what was absent, empty or null is null.
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
     * @param CallbackFields $fields by the names of flexpay.h
     */
    public function __construct(array $fields)
    {
        $this->fields = $fields;
    }

    /**
     * Reads a callback body, JSON or form. Believes nothing; no network; does not block.
     *
     * @param string $body the body as it came: file_get_contents('php://input'). Over 64 KiB it is
     *                     refused.
     *
     * @throws FlexPayException CallbackException where it cannot be read; LibraryException
     */
    public static function parse(string $body): self
    {
        return new self(Library::load()->parseCallback($body));
    }

    /**
     * The key by which the same notice, delivered again, is known: 64 hexadecimal digits over the
     * order number, the reference and what is claimed of them, the same for every spelling.
     *
     * Record it only AFTER the notice was verified, in one step with the order's state. A key
     * recorded before would let a forged notice make the true one look like a repeat.
     */
    public function getKey(): string
    {
        return Library::load()->callbackKey($this->fields['raw']);
    }

    /** Whether it claims success. A claim. */
    public function claimsSuccess(): bool
    {
        return $this->fields['claims_success'];
    }

    /** "0": processed with success; anything else: not. */
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

    /** This and the following are observed, not documented: the amount, as written. */
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

    /** The gateway's words. */
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
