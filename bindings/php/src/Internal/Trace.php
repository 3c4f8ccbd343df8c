<?php

declare(strict_types=1);

namespace FlexPay\Internal;

/**
 * Takes the token out of traces. #[\SensitiveParameter] does so from PHP 8.2 on; before, a logger
 * that prints a trace with its arguments would print the settings of the client that was refused.
 *
 * @internal
 */
final class Trace
{
    private function __construct()
    {
    }

    /** Drops the arguments of this package's inner frames, and of the client's constructor. */
    public static function scrub(\Throwable $thrown): void
    {
        $property = new \ReflectionProperty($thrown instanceof \Error ? \Error::class : \Exception::class, 'trace');
        if (PHP_VERSION_ID < 80100) {
            $property->setAccessible(true);
        }
        /** @var list<array{class?: string, function?: string, args?: list<mixed>}> $trace */
        $trace = $thrown->getTrace();
        foreach ($trace as $at => $frame) {
            $class = $frame['class'] ?? '';
            $function = $frame['function'] ?? '';
            if (
                strncmp($class, 'FlexPay\\Internal\\', 17) === 0
                || ($class === 'FlexPay\\Client' && $function === '__construct')
            ) {
                unset($trace[$at]['args']);
            }
        }
        $property->setValue($thrown, $trace);
    }
}
