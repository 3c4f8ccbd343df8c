<?php

declare(strict_types=1);

namespace FlexPay;

use FlexPay\Exception\InvalidArgumentException;
use FlexPay\Internal\Arguments;
use FlexPay\Internal\Names;

/** What you requested, from your own records, to compare with an order or a callback. */
final class Expected
{
    // written by make header: Kind
    /** A customer pays with a card. */
    public const KIND_CARD = 'CARD';

    /** A customer pays with mobile money. */
    public const KIND_MOBILE = 'MOBILE';

    /** The merchant sends money to a mobile money account. */
    public const KIND_PAYOUT = 'PAYOUT';
    // end of Kind

    /**
     * @var array{
     *     reference: string,
     *     amount: string,
     *     currency: string,
     *     order_number: string|null,
     *     query: string|null,
     *     kind: string,
     *     correlation_id: string|null,
     * }
     */
    private array $fields;

    /**
     * @param string      $reference     the reference of the payment request
     * @param string|int  $amount        its amount, in whole units: "25.50". Never a float.
     * @param string      $currency      its currency
     * @param string|null $orderNumber   the order number that the gateway gave it. Give it whenever
     *                                   you recorded one: that order is then checked, whatever the
     *                                   callback contains. null: the callback's order number is used.
     *                                   Required by verifyOrder().
     * @param string|null $query         the query string of the callback's request
     *                                   ($_SERVER['QUERY_STRING']). Required if the client has a
     *                                   callback_secret.
     * @param string      $kind          one of the KIND_ constants. A callback URL is signed for one
     *                                   kind. A transaction that was paid by card is neither a mobile
     *                                   payment nor a payout. Beyond that, the gateway does not report
     *                                   the kind: to verify the callback of a payout, give
     *                                   $orderNumber, or use a callback_secret.
     * @param string|null $correlationId an id of your own for the verification, for its trace: 1 to 64
     *                                   printable ASCII characters. Client::wait() uses the one in its
     *                                   options.
     *
     * @throws InvalidArgumentException
     */
    public function __construct(
        string $reference,
        $amount,
        string $currency,
        ?string $orderNumber = null,
        ?string $query = null,
        string $kind = self::KIND_CARD,
        ?string $correlationId = null
    ) {
        if (!isset(Names::KINDS[$kind])) {
            throw Arguments::invalid('kind', 'is not a kind; the kinds are ' . implode(', ', array_keys(Names::KINDS)));
        }
        $this->fields = [
            'reference' => $reference,
            'amount' => Arguments::amount($amount),
            'currency' => $currency,
            'order_number' => $orderNumber,
            'query' => $query,
            'kind' => $kind,
            'correlation_id' => $correlationId,
        ];
    }

    public function getReference(): string
    {
        return $this->fields['reference'];
    }

    /** A string, in whole units: "25.50". */
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

    /** One of the KIND_ constants. */
    public function getKind(): string
    {
        return $this->fields['kind'];
    }

    public function getCorrelationId(): ?string
    {
        return $this->fields['correlation_id'];
    }

    /**
     * @internal
     *
     * @return array<string, string|null> by field name in flexpay.h; the kind by name
     */
    public function toArray(): array
    {
        return $this->fields;
    }
}
