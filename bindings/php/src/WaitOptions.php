<?php

declare(strict_types=1);

namespace FlexPay;

use FlexPay\Exception\InvalidArgumentException;
use FlexPay\Internal\Options;

/** How to wait. */
final class WaitOptions
{
    private const TIMES = ['timeout_ms', 'interval_ms', 'max_interval_ms', 'failed_grace_ms'];

    /** @var array<string, int> */
    private array $times = [];

    private ?CancelToken $cancel;

    private ?Expected $expected;

    /**
     * Options, each with its default when null or left out; 0 is refused:
     * - timeout_ms (int): how long to wait in all. 600 000.
     * - interval_ms (int): the pause before the second question; it grows by half each time. 1 000.
     * - max_interval_ms (int): the longest pause. 10 000.
     * - failed_grace_ms (int): how long a failure must stand to be believed: the gateway says it
     *   while the customer is still typing, and "paid" afterwards. The same for cancelled, refunding
     *   and refunded. 30 000.
     * - cancel (CancelToken): ends the wait from elsewhere.
     * - expected (Expected): what you asked for. Then wait() returns that payment and no other: one
     *   that differs in reference, amount or currency ends it with a MismatchException. Its order
     *   number, where given, must be the one waited for. Left out, nothing is compared.
     *
     * @param array<string, int|CancelToken|Expected|null> $options
     *
     * @throws InvalidArgumentException its getField() names the option
     */
    public function __construct(array $options = [])
    {
        $given = new Options($options, array_merge(self::TIMES, ['cancel', 'expected']));
        foreach (self::TIMES as $name) {
            $this->times[$name] = $given->milliseconds($name, 1);
        }
        $this->cancel = $given->object('cancel', CancelToken::class);
        $this->expected = $given->object('expected', Expected::class);
    }

    /**
     * Milliseconds by option; 0 where it was left out: then the default counts.
     *
     * @return array<string, int>
     */
    public function getTimes(): array
    {
        return $this->times;
    }

    public function getCancelToken(): ?CancelToken
    {
        return $this->cancel;
    }

    public function getExpected(): ?Expected
    {
        return $this->expected;
    }
}
