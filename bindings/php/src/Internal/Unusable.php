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
            FlexPayException::OUTCOME_UNUSABLE,
            null,
            null,
            null,
            null,
            $previous
        );
    }

    public static function withoutFfi(): LibraryException
    {
        $package = 'php' . PHP_MAJOR_VERSION . '.' . PHP_MINOR_VERSION . '-common';

        return self::because(
            "PHP's FFI extension is missing. On Debian and Ubuntu the package $package has it; elsewhere set"
            . ' extension=ffi in ' . self::iniFile() . '. Then: ' . self::remedy(PHP_SAPI)
        );
    }

    public static function forbidden(Throwable $failure): LibraryException
    {
        $now = 'ffi.enable=' . (string) ini_get('ffi.enable') . ', ' . PHP_SAPI;

        return self::because("PHP does not allow FFI here ($now). " . self::remedy(PHP_SAPI), $failure);
    }

    /** What allows FFI, for each of the ways to run PHP. */
    public static function remedy(string $sapi): string
    {
        $version = PHP_MAJOR_VERSION . '.' . PHP_MINOR_VERSION;
        switch ($sapi) {
            case 'cli':
                return 'For PHP on the command line, set in ' . self::iniFile() . ":\n  ffi.enable=preload";
            case 'cli-server':
                return "PHP's own server is for trying things out. Start it with FFI allowed:\n  "
                    . self::commandOfServer();
            case 'fpm-fcgi':
                return self::preloading() . "and restart PHP-FPM:\n  systemctl restart php$version-fpm\n"
                    . self::withoutPreloading();
            case 'apache2handler':
                return self::preloading() . "and restart Apache:\n  systemctl restart apache2\n"
                    . self::withoutPreloading();
            default:
                return 'Where PHP is started anew for each request, nothing can be preloaded. Set in '
                    . self::iniFile() . ":\n  ffi.enable=true\nEvery script may use FFI then.";
        }
    }

    private static function preloading(): string
    {
        return 'Set in ' . self::iniFile() . ":\n"
            . "  ffi.enable=preload\n"
            . "  opcache.enable=1\n"
            . '  opcache.preload=' . dirname(__DIR__, 2) . "/preload.php\n"
            // Without it a master that is root, as systems start it, refuses to preload.
            . '  opcache.preload_user=' . self::user() . "\n";
    }

    private static function withoutPreloading(): string
    {
        return "(Without preloading, ffi.enable=true alone will do; every script may use FFI then.)";
    }

    private static function iniFile(): string
    {
        $file = php_ini_loaded_file();

        return $file === false ? 'php.ini' : $file;
    }

    /** The user as whom the pages run. */
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

    /** The command that started this server, with FFI allowed. */
    private static function commandOfServer(): string
    {
        $of = static function (string $name, string $otherwise): string {
            return is_string($_SERVER[$name] ?? null) ? $_SERVER[$name] : $otherwise;
        };

        return 'php -d ffi.enable=true -S ' . $of('SERVER_NAME', '127.0.0.1') . ':' . $of('SERVER_PORT', '8000')
            . ' -t ' . escapeshellarg($of('DOCUMENT_ROOT', '.'));
    }

    /** Says which file failed and why, and which others would have been tried. */
    public static function file(
        string $path,
        ?string $argument,
        string $bundled,
        Throwable $failure
    ): LibraryException {
        $environment = (string) getenv('FLEXPAY_LIBRARY');
        if ($path === $bundled && !file_exists($path)) {
            return self::because(
                "This package has no library in it: there is no $path. Put it there with \"make bundle\", in a copy"
                . ' of the flexpay project; or name a library with the "library" option or the environment variable'
                . ' FLEXPAY_LIBRARY.',
                $failure
            );
        }
        $why = file_exists($path) ? $failure->getMessage() : 'there is no such file';
        $lines = [
            "libflexpay cannot be loaded. Tried $path: $why. The places, of which the first that is given counts:",
            '1. the "library" option: ' . ($argument ?? 'not given'),
            '2. the environment variable FLEXPAY_LIBRARY: ' . ($environment === '' ? 'not set' : $environment),
            '3. the bundled file: ' . $bundled,
        ];

        return self::because(implode("\n", $lines), $failure);
    }
}
