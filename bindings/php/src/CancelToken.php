<?php

declare(strict_types=1);

namespace FlexPay;

use FlexPay\Exception\FlexPayException;
use FlexPay\Internal\Library;

/**
 * Ends a wait. PHP runs nothing else while Client::wait() blocks, not even a signal handler: so it
 * is cancelled before the wait begins, or not from this PHP at all. A worker that must stop on a
 * signal waits in slices (WaitOptions' timeout_ms) and looks about in between.
 */
final class CancelToken
{
    private Library $library;

    /** The library's number for it. */
    private int $handle;

    /** @throws FlexPayException LibraryException, InternalException */
    public function __construct()
    {
        $this->__destruct(); // where it is called once more
        $this->library = Library::load();
        $this->handle = $this->library->newCancelToken();
    }

    /** Every wait that is given this token ends with a CancelledException. */
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
