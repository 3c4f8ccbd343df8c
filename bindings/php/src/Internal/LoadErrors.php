<?php

declare(strict_types=1);

namespace FlexPay\Internal;

use FlexPay\Exception\FlexPayException;
use FlexPay\Exception\LibraryException;
use Throwable;

/**
 * Creates the exceptions that explain why the shared library cannot be used, and how to fix it. A
 * separate class, so that PHP compiles it only after a failure.
 *
 * @internal
 */
final class LoadErrors
{
    public static function create(string $message, ?Throwable $previous = null): LibraryException
    {
        return new LibraryException(
            $message,
            Abi::ERROR_INTERNAL,
            FlexPayException::OUTCOME_UNUSABLE,
            null,
            null,
            null,
            null,
            $previous
        );
    }

    public static function ffiMissing(): LibraryException
    {
        $package = 'php' . PHP_MAJOR_VERSION . '.' . PHP_MINOR_VERSION . '-common';

        return self::create(
            "PHP's FFI extension is missing. On Debian and Ubuntu, install the package $package; on other systems, set"
            . ' extension=ffi in ' . self::iniFile() . '. Then: ' . self::remedy(PHP_SAPI)
        );
    }

    public static function ffiDisabled(Throwable $failure): LibraryException
    {
        $current = 'ffi.enable=' . (string) ini_get('ffi.enable') . ', ' . PHP_SAPI;

        return self::create("PHP does not allow FFI here ($current). " . self::remedy(PHP_SAPI), $failure);
    }

    /** How to enable FFI, for each PHP SAPI. */
    public static function remedy(string $sapi): string
    {
        $version = PHP_MAJOR_VERSION . '.' . PHP_MINOR_VERSION;
        switch ($sapi) {
            case 'cli':
                return 'For PHP on the command line, set in ' . self::iniFile() . ":\n  ffi.enable=preload";
            case 'cli-server':
                return "PHP's built-in server is for development only. Start it with FFI enabled:\n  "
                    . self::serverCommand();
            case 'fpm-fcgi':
                return self::preloading() . "and restart PHP-FPM:\n  systemctl restart php$version-fpm\n"
                    . self::withoutPreloading();
            case 'apache2handler':
                return self::preloading() . "and restart Apache:\n  systemctl restart apache2\n"
                    . self::withoutPreloading();
            default:
                return 'PHP cannot preload when it starts a new process for each request. Set in '
                    . self::iniFile() . ":\n  ffi.enable=true\nEvery script can then use FFI.";
        }
    }

    private static function preloading(): string
    {
        return 'Set in ' . self::iniFile() . ":\n"
            . "  ffi.enable=preload\n"
            . "  opcache.enable=1\n"
            . '  opcache.preload=' . dirname(__DIR__, 2) . "/preload.php\n"
            // Without it, a master that runs as root (the usual setup) refuses to preload.
            . '  opcache.preload_user=' . self::user() . "\n";
    }

    private static function withoutPreloading(): string
    {
        return "(To run without preloading, set only ffi.enable=true. Every script can then use FFI.)";
    }

    private static function iniFile(): string
    {
        $file = php_ini_loaded_file();

        return $file === false ? 'php.ini' : $file;
    }

    /** The user that runs the pages. */
    private static function user(): string
    {
        if (function_exists('posix_geteuid')) {
            $user = posix_getpwuid(posix_geteuid());
            if ($user !== false) {
                return $user['name'];
            }
        }

        return 'www-data';
    }

    /** The command that started this server, with FFI enabled. */
    private static function serverCommand(): string
    {
        $get = static function (string $name, string $default): string {
            return is_string($_SERVER[$name] ?? null) ? $_SERVER[$name] : $default;
        };

        return 'php -d ffi.enable=true -S ' . $get('SERVER_NAME', '127.0.0.1') . ':' . $get('SERVER_PORT', '8000')
            . ' -t ' . escapeshellarg($get('DOCUMENT_ROOT', '.'));
    }

    /** Names the file that failed, the reason, and all the places that can name a library. */
    public static function cannotLoad(
        string $path,
        ?string $option,
        string $bundled,
        Throwable $failure
    ): LibraryException {
        $environment = (string) getenv('FLEXPAY_LIBRARY');
        if ($path === $bundled && !file_exists($path)) {
            return self::create(
                "The bundled library is missing: $path does not exist. Run \"make bundle\" in a copy of the flexpay"
                . ' project to create it, or name another library with the "library" option or the environment'
                . ' variable FLEXPAY_LIBRARY.',
                $failure
            );
        }
        $reason = file_exists($path) ? $failure->getMessage() : 'the file does not exist';
        $lines = [
            "Cannot load libflexpay. Tried $path: $reason. The first of these that is set is used:",
            '1. the "library" option: ' . ($option ?? 'not set'),
            '2. the environment variable FLEXPAY_LIBRARY: ' . ($environment === '' ? 'not set' : $environment),
            '3. the bundled file: ' . $bundled,
        ];

        return self::create(implode("\n", $lines), $failure);
    }
}
