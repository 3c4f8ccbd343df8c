<?php

declare(strict_types=1);

namespace FlexPay;

use FlexPay\Exception\InvalidArgumentException;
use FlexPay\Internal\Arguments;
use FlexPay\Internal\Options;

/**
 * The payment that a customer is asked to make by mobile money: M-Pesa, Orange Money, Airtel Money,
 * Afrimoney. Client::payMobile() checks the values before it sends anything.
 */
final class MobileRequest
{
    private const OPTIONS = [
        'description', 'approve_url', 'cancel_url', 'decline_url', 'return_url', 'correlation_id',
    ];

    private string $reference;
    private string $amount;
    private string $currency;
    private string $phone;
    private string $callbackUrl;

    /** @var array<string, string|null> */
    private array $options;

    /**
     * Options, all UTF-8 strings:
     * - description: what is being paid for.
     * - approve_url: the URL after the payment: http or https, or a link into your app. The next three
     *   accept the same.
     * - cancel_url: the URL after "cancel".
     * - decline_url: the URL after a refusal.
     * - return_url: the URL to return to. One guide of the gateway calls it mandatory; live requests
     *   without it are accepted.
     * - correlation_id: an id of your own for this call, for its trace: 1 to 64 printable ASCII
     *   characters. It is not sent to the gateway.
     *
     * @param string                     $reference   your own reference. Never use one twice: the
     *                                                gateway detects a repeated payment by its
     *                                                reference only.
     * @param string|int                 $amount      in whole units, a plain decimal with at most two
     *                                                decimal places: "0.50", 575. Never a float.
     * @param string                     $currency    "CDF" or "USD"
     * @param string                     $phone       the customer's number, as people write it:
     *                                                "0812345678", "+243 81 234 56 78". See
     *                                                Phone::normalize().
     * @param string                     $callbackUrl where the gateway posts its callback. The gateway
     *                                                refuses URLs on localhost or private networks.
     * @param array<string, string|null> $options
     *
     * @throws InvalidArgumentException its getField() names the field
     */
    public function __construct(
        string $reference,
        $amount,
        string $currency,
        string $phone,
        string $callbackUrl,
        array $options = []
    ) {
        $this->reference = $reference;
        $this->amount = Arguments::amount($amount);
        $this->currency = $currency;
        $this->phone = $phone;
        $this->callbackUrl = $callbackUrl;
        $this->options = (new Options($options, self::OPTIONS))->strings(self::OPTIONS);
    }

    public function getReference(): string
    {
        return $this->reference;
    }

    /** A string, in whole units: "0.50". */
    public function getAmount(): string
    {
        return $this->amount;
    }

    public function getCurrency(): string
    {
        return $this->currency;
    }

    /** The customer's number, as given. */
    public function getPhone(): string
    {
        return $this->phone;
    }

    public function getCallbackUrl(): string
    {
        return $this->callbackUrl;
    }

    public function getDescription(): ?string
    {
        return $this->options['description'];
    }

    public function getApproveUrl(): ?string
    {
        return $this->options['approve_url'];
    }

    public function getCancelUrl(): ?string
    {
        return $this->options['cancel_url'];
    }

    public function getDeclineUrl(): ?string
    {
        return $this->options['decline_url'];
    }

    public function getReturnUrl(): ?string
    {
        return $this->options['return_url'];
    }

    public function getCorrelationId(): ?string
    {
        return $this->options['correlation_id'];
    }

    /**
     * @internal
     *
     * @return array<string, string|null> by field name in flexpay.h
     */
    public function toArray(): array
    {
        return [
            'reference' => $this->reference,
            'amount' => $this->amount,
            'currency' => $this->currency,
            'phone' => $this->phone,
            'callback_url' => $this->callbackUrl,
        ] + $this->options;
    }
}
