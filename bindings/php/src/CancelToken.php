<?php

declare(strict_types=1);

namespace FlexPay;

/**
 * Cancels a wait.
 *
 * With FFI, PHP runs no other code while Client::wait() blocks, not even a signal handler: a wait can
 * only be cancelled before it begins. A worker that must stop on a signal should call wait() repeatedly
 * with a short timeout_ms (see WaitOptions) and check its flag between the calls.
 *
 * With the program (see the client's option "transport"), handlers of pcntl_async_signals() run during
 * wait(), and may call cancel(). They do not run during any other call.
 */
final class CancelToken
{
    private bool $isCancelled = false;

    /** Every wait with this token ends with a CancelledException. */
    public function cancel(): void
    {
        $this->isCancelled = true;
    }

    public function isCancelled(): bool
    {
        return $this->isCancelled;
    }

    private function __clone()
    {
    }

    /** @return never */
    public function __serialize(): array
    {
        throw new \LogicException('A FlexPay cancel token cannot be serialized.');
    }

    /** @param array<array-key, mixed> $data */
    public function __unserialize(array $data): void
    {
        throw new \LogicException('A FlexPay cancel token cannot be unserialized.');
    }
}
