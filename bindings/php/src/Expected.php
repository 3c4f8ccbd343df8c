<?php

declare(strict_types=1);

namespace FlexPay;

use FlexPay\Exception\InvalidArgumentException;
use FlexPay\Internal\Arguments;

/** What you asked for, from your own records, to hold an order or a callback against. */
final class Expected
{
    /**
     * @var array{
     *     reference: string,
     *     amount: string,
     *     currency: string,
     *     order_number: string|null,
     *     query: string|null,
     * }
     */
    private array $fields;

    /**
     * @param string      $reference   the reference of the payment request
     * @param string|int  $amount      its amount, in whole units: "25.50". Never a float.
     * @param string      $currency    its currency
     * @param string|null $orderNumber the order number the gateway gave for it. Give it whenever
     *                                 you recorded one: then that order is checked, whatever the
     *                                 callback says. null: the callback's is. verifyOrder()
     *                                 needs it.
     * @param string|null $query       the query string of the request that brought the callback
     *                                 ($_SERVER['QUERY_STRING']). Needed where the client has a
     *                                 callback_secret.
     *
     * @throws InvalidArgumentException
     */
    public function __construct(
        string $reference,
        $amount,
        string $currency,
        ?string $orderNumber = null,
        ?string $query = null
    ) {
        $this->fields = [
            'reference' => $reference,
            'amount' => Arguments::amount($amount),
            'currency' => $currency,
            'order_number' => $orderNumber,
            'query' => $query,
        ];
    }

    public function getReference(): string
    {
        return $this->fields['reference'];
    }

    /** As text, in whole units: "25.50". */
    public function getAmount(): string
    {
        return $this->fields['amount'];
    }

    public function getCurrency(): string
    {
        return $this->fields['currency'];
    }

    public function getOrderNumber(): ?string
    {
        return $this->fields['order_number'];
    }

    public function getQuery(): ?string
    {
        return $this->fields['query'];
    }

    /**
     * @internal
     *
     * @return array<string, string|null> by the names of flexpay.h
     */
    public function toArray(): array
    {
        return $this->fields;
    }
}
