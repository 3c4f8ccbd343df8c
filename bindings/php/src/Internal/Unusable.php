<?php

declare(strict_types=1);

namespace FlexPay\Internal;

use FlexPay\Exception\FlexPayException;
use FlexPay\Exception\LibraryException;
use Throwable;

/**
 * Why the shared library cannot be used, and what to do about it. Apart from Library, so that a page
 * whose library loads does not compile it.
 *
 * @internal
 */
final class Unusable
{
    public static function because(string $message, ?Throwable $previous = null): LibraryException
    {
        return new LibraryException(
            $message,
            Abi::ERROR_INTERNAL,
            FlexPayException::OUTCOME_NOT_SENT,
            null,
            null,
            null,
            null,
            $previous
        );
    }

    public static function withoutFfi(): LibraryException
    {
        return self::because(
            "PHP's FFI extension is missing. Enable it in php.ini (extension=ffi; on Debian it comes with"
            . ' php-common), and ' . self::allowance()
        );
    }

    public static function forbidden(Throwable $failure): LibraryException
    {
        $now = 'ffi.enable=' . (string) ini_get('ffi.enable') . ', ' . PHP_SAPI;

        return self::because("PHP does not allow FFI here ($now). In php.ini, " . self::allowance(), $failure);
    }

    /** Says which file failed and why, and which others would have been tried. */
    public static function file(
        string $path,
        ?string $argument,
        string $bundled,
        Throwable $failure
    ): LibraryException {
        $environment = (string) getenv('FLEXPAY_LIBRARY');
        $why = $failure->getMessage();
        if (!file_exists($path)) {
            $why = 'there is no such file';
        }
        $lines = [
            "libflexpay cannot be loaded. Tried $path: $why. The places, of which the first that is given counts:",
            '1. the "library" option: ' . ($argument ?? 'not given'),
            '2. the environment variable FLEXPAY_LIBRARY: ' . ($environment === '' ? 'not set' : $environment),
            '3. the bundled file: ' . $bundled,
        ];

        return self::because(implode("\n", $lines), $failure);
    }

    private static function allowance(): string
    {
        return 'set either' . "\n"
            . '  ffi.enable=preload' . "\n"
            . '  opcache.enable=1' . "\n"
            . '  opcache.preload=' . dirname(__DIR__, 2) . '/preload.php' . "\n"
            . 'or' . "\n"
            . '  ffi.enable=true' . "\n"
            . 'and restart PHP.';
    }
}
