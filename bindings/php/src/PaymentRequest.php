<?php

declare(strict_types=1);

namespace FlexPay;

use FlexPay\Exception\InvalidArgumentException;
use FlexPay\Internal\Arguments;
use FlexPay\Internal\Options;

/**
 * The payment that a customer is asked to make by card. Client::pay() checks the values before it sends
 * anything.
 */
final class PaymentRequest
{
    private const OPTIONS = [
        'description', 'callback_url', 'approve_url', 'cancel_url', 'decline_url', 'home_url', 'correlation_id',
    ];

    private string $reference;
    private string $amount;
    private string $currency;

    /** @var array<string, string|null> */
    private array $options;

    /**
     * Options, all UTF-8 strings:
     * - description: what is being paid for, shown to the customer.
     * - callback_url: where the gateway posts its callback. The gateway refuses URLs on localhost
     *   or private networks.
     * - approve_url: where the customer's browser goes after paying.
     * - cancel_url: where it goes after "cancel".
     * - decline_url: where it goes when the card was declined.
     * - home_url: your home page. Sent with the api "v1.1" only.
     * - correlation_id: an id of your own for this call, for its trace: 1 to 64 printable ASCII
     *   characters. It is not sent to the gateway.
     *
     * @param string                     $reference your own reference. Never use one twice: the
     *                                              gateway detects a repeated payment by its
     *                                              reference only.
     * @param string|int                 $amount    in whole units, a plain decimal with at most two
     *                                              decimal places: "25.50", 100. Never a float.
     * @param string                     $currency  "CDF" or "USD"
     * @param array<string, string|null> $options
     *
     * @throws InvalidArgumentException its getField() names the field
     */
    public function __construct(string $reference, $amount, string $currency, array $options = [])
    {
        $this->reference = $reference;
        $this->amount = Arguments::amount($amount);
        $this->currency = $currency;
        $this->options = (new Options($options, self::OPTIONS))->strings(self::OPTIONS);
    }

    public function getReference(): string
    {
        return $this->reference;
    }

    /** A string, in whole units: "25.50". */
    public function getAmount(): string
    {
        return $this->amount;
    }

    public function getCurrency(): string
    {
        return $this->currency;
    }

    public function getDescription(): ?string
    {
        return $this->options['description'];
    }

    public function getCallbackUrl(): ?string
    {
        return $this->options['callback_url'];
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

    public function getHomeUrl(): ?string
    {
        return $this->options['home_url'];
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
        ] + $this->options;
    }
}
