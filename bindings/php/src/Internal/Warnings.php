<?php

declare(strict_types=1);

namespace FlexPay\Internal;

/**
 * Runs PHP functions that report failures with warnings. The shop's error handler must not turn these
 * into exceptions, and PHP must not print them into the page.
 *
 * @internal
 */
final class Warnings
{
    private function __construct()
    {
    }

    /** Calls the function, and returns PHP's warning; '' without one. */
    public static function capture(callable $function): string
    {
        $warning = '';
        set_error_handler(static function (int $level, string $message) use (&$warning): bool {
            $warning = $message;

            return true;
        });
        try {
            $function();
        } finally {
            restore_error_handler();
        }

        return $warning;
    }
}
