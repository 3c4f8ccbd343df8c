<?php

declare(strict_types=1);

namespace FlexPay\Internal;

/**
 * Stops PHP's signal handlers from running during a call. They run after it.
 *
 * Each function repeats the try and finally: a helper that takes a closure would put the settings, and
 * so the token, into the stack trace.
 *
 * @internal
 */
final class Signals
{
    private function __construct()
    {
    }

    /** Returns whether asynchronous signals were enabled. */
    public static function disable(): bool
    {
        return function_exists('pcntl_async_signals') && pcntl_async_signals(false);
    }

    /** Enables the handlers again if they were enabled, and runs those that are pending. */
    public static function restore(bool $enabled): void
    {
        if ($enabled) {
            pcntl_async_signals(true);
            pcntl_signal_dispatch();
        }
    }
}
