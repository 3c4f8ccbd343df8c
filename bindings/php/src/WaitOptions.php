<?php

declare(strict_types=1);

namespace FlexPay;

use FlexPay\Exception\InvalidArgumentException;
use FlexPay\Internal\Options;

/** Options of Client::wait(). */
final class WaitOptions
{
    private const TIMES = ['timeout_ms', 'interval_ms', 'max_interval_ms', 'failed_grace_ms'];

    /** @var array<string, int> */
    private array $times = [];

    private ?CancelToken $cancel;

    private ?Expected $expected;

    private ?string $correlationId;

    /**
     * Options. null or no value means the default; 0 is refused:
     * - timeout_ms (int): how long to wait in total. 600 000; 300 000 for a mobile payment.
     * - interval_ms (int): the pause before the second check; it grows by half each time. 1 000; 2 000
     *   for a mobile payment.
     * - max_interval_ms (int): the longest pause. 10 000; 5 000 for a mobile payment.
     * - failed_grace_ms (int): how long the state must stay "failed" before it is final: the gateway
     *   may report "failed" while the customer is still typing, and "paid" afterwards. The same for
     *   cancelled, refunding and refunded. 30 000; 90 000 for a mobile payment, 300 000 for a payout.
     * - cancel (CancelToken): cancels the wait.
     * - expected (Expected): what you requested. wait() then returns that payment and no other: one
     *   with another reference, amount or currency ends the wait with a MismatchException. If it has
     *   an order number, it must be the one passed to wait(). Without this option, nothing is
     *   compared.
     * - correlation_id (string): an id of your own for this call, for its trace: 1 to 64 printable
     *   ASCII characters.
     *
     * A mobile payment is one whose expected is of Expected::KIND_MOBILE. Its defaults are those of a
     * customer who confirms on the phone: people take about a minute, and after some minutes the
     * operator's message has expired. The gateway documents no time: this library chose these.
     *
     * @param array<string, int|string|CancelToken|Expected|null> $options
     *
     * @throws InvalidArgumentException its getField() names the option
     */
    public function __construct(array $options = [])
    {
        $given = new Options($options, array_merge(self::TIMES, ['cancel', 'expected', 'correlation_id']));
        foreach (self::TIMES as $name) {
            $this->times[$name] = $given->milliseconds($name, 1);
        }
        $this->cancel = $given->object('cancel', CancelToken::class);
        $this->expected = $given->object('expected', Expected::class);
        $this->correlationId = $given->string('correlation_id');
    }

    /**
     * Milliseconds by option; 0 if the option was not given: the default is then used.
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

    public function getCorrelationId(): ?string
    {
        return $this->correlationId;
    }

    /**
     * The same options with this expected.
     *
     * @internal
     */
    public function withExpected(Expected $expected): self
    {
        $options = clone $this;
        $options->expected = $expected;

        return $options;
    }
}
