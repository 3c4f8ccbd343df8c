<?php

declare(strict_types=1);

namespace FlexPay\Internal;

use FlexPay\Exception\FlexPayException;
use FlexPay\Exception\InvalidArgumentException;
use FlexPay\Payment;
use FlexPay\Settlement;
use FlexPay\Transaction;

/**
 * Writes one record for each call to the shop's PSR-3 logger.
 *
 * A record contains what the result or the exception contains, and nothing else: never the token. Its trace
 * and its correlation id are null if the client has no trace.
 *
 * @internal
 */
final class CallLog
{
    private object $logger;

    private function __construct(object $logger)
    {
        $this->logger = $logger;
    }

    /**
     * A log that writes to this logger; null without a logger.
     *
     * Any object with the method log() of PSR-3 is accepted, so that this package does not need psr/log.
     *
     * @param mixed $logger
     *
     * @throws InvalidArgumentException
     */
    public static function to($logger): ?self
    {
        if ($logger === null) {
            return null;
        }
        if (!is_object($logger) || !is_callable([$logger, 'log'])) {
            throw Arguments::invalid('logger', 'must be a PSR-3 logger: an object with the method log()');
        }

        return new self($logger);
    }

    public function payment(string $call, Payment $payment): void
    {
        $number = $payment->getOrderNumber();
        $text = $payment->isRecorded() ? 'the journal has it, nothing was sent now' : 'the gateway accepted it';
        $text .= $number === null ? '' : " as order $number";
        $this->write('debug', $call, 'OK', $text, null, $payment->getCallTrace());
    }

    public function transaction(string $call, Transaction $transaction): void
    {
        $text = 'order ' . $transaction->getOrderNumber() . ' is ' . $transaction->getState();
        $this->write('debug', $call, 'OK', $text, null, $transaction->getCallTrace());
    }

    public function settlement(string $call, Settlement $settlement): void
    {
        $text = $settlement->getReference() . ' is ' . $settlement->getState();
        $this->write('debug', $call, 'OK', $text, null, null);
    }

    /** A call that concerns several entries of the journal. */
    public function entries(string $call, int $count): void
    {
        $this->write('debug', $call, 'OK', "$count entries", null, null);
    }

    public function failure(string $call, FlexPayException $failure): void
    {
        $outcome = $failure->getOutcome();
        $isKnown = in_array(
            $outcome,
            [FlexPayException::OUTCOME_NOT_SENT, FlexPayException::OUTCOME_REFUSED],
            true
        );
        $this->write(
            $isKnown ? 'warning' : 'error',
            $call,
            $failure->getCodeName(),
            $failure->getMessage(),
            $outcome,
            $failure->getCallTrace()
        );
    }

    private function write(
        string $level,
        string $call,
        string $result,
        string $text,
        ?string $outcome,
        ?string $trace
    ): void {
        $steps = $trace === null ? null : json_decode($trace, true);
        // An exception of a signal handler must not look like one of the logger.
        $signals = Signals::disable();
        try {
            $this->logger->log($level, "FlexPay $call: $result, $text", [
                'call' => $call,
                'result' => $result,
                'outcome' => $outcome,
                'correlation_id' => $steps['correlation_id'] ?? null,
                'trace' => $steps,
            ]);
        } catch (\Throwable $failure) {
            // The result of the call is worth more than its record: it may be a payment.
            self::reportFailure($failure);
        } finally {
            Signals::restore($signals);
        }
    }

    private static function reportFailure(\Throwable $failure): void
    {
        if (function_exists('error_log')) { // a host may disable it
            error_log('FlexPay: the logger failed: ' . get_class($failure) . ': ' . $failure->getMessage());
        }
    }
}
