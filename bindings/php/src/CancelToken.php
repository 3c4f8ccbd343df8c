<?php

declare(strict_types=1);

namespace FlexPay;

use FlexPay\Exception\FlexPayException;
use FlexPay\Internal\Library;

/**
 * Cancels a wait. PHP runs no other code while Client::wait() blocks, not even a signal handler: PHP
 * code can only cancel a wait before it begins. A worker that must stop on a signal should call
 * wait() repeatedly with a short timeout_ms (see WaitOptions) and check its flag between the calls.
 */
final class CancelToken
{
    private Library $library;

    /** The key of the C cancel token in Library. */
    private int $handle;

    /** @throws FlexPayException LibraryException, InternalException */
    public function __construct()
    {
        $this->__destruct(); // in case the constructor is called a second time
        $this->library = Library::load();
        $this->handle = $this->library->newCancelToken();
    }

    /** Every wait with this token ends with a CancelledException. */
    public function cancel(): void
    {
        $this->library->cancel($this->handle);
    }

    /** @internal */
    public function handle(): int
    {
        return $this->handle;
    }

    public function __destruct()
    {
        if (isset($this->handle)) {
            $handle = $this->handle;
            unset($this->handle);
            $this->library->freeCancelToken($handle);
        }
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
