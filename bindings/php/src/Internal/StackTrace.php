<?php

declare(strict_types=1);

namespace FlexPay\Internal;

/**
 * Removes the token from stack traces. #[\SensitiveParameter] does this from PHP 8.2 on. Before PHP
 * 8.2, a logger that prints a trace with its arguments would print the settings of a refused client.
 *
 * @internal
 */
final class StackTrace
{
    private function __construct()
    {
    }

    /** Removes the arguments from the frames of FlexPay\Internal and of the client's constructor. */
    public static function scrub(\Throwable $thrown): void
    {
        $property = new \ReflectionProperty($thrown instanceof \Error ? \Error::class : \Exception::class, 'trace');
        if (PHP_VERSION_ID < 80100) {
            $property->setAccessible(true);
        }
        /** @var list<array{class?: string, function?: string, args?: list<mixed>}> $trace */
        $trace = $thrown->getTrace();
        foreach ($trace as $i => $frame) {
            $class = $frame['class'] ?? '';
            $function = $frame['function'] ?? '';
            if (
                strncmp($class, 'FlexPay\\Internal\\', 17) === 0
                || ($class === 'FlexPay\\Client' && $function === '__construct')
            ) {
                unset($trace[$i]['args']);
            }
        }
        $property->setValue($thrown, $trace);
    }
}
