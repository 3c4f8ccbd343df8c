<?php

declare(strict_types=1);

namespace FlexPay\Internal;

use FlexPay\Exception\FlexPayException;
use FlexPay\Exception\LibraryException;
use Throwable;

/**
 * Creates the exceptions that explain why the shared library or the program cannot be used, and how to fix
 * it. A separate class, so that PHP compiles it only after a failure.
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
            "PHP's FFI extension is missing. On Debian and Ubuntu, install the package $package; on Alpine, the"
            . ' package php' . PHP_MAJOR_VERSION . PHP_MINOR_VERSION . '-ffi; on other systems, Windows too, set'
            . ' extension=ffi in ' . self::iniFile() . '. Then: ' . self::remedy(PHP_SAPI)
        );
    }

    public static function ffiDisabled(Throwable $failure): LibraryException
    {
        $current = 'ffi.enable=' . (string) ini_get('ffi.enable') . ', ' . PHP_SAPI;

        return self::create("PHP does not allow FFI here ($current). " . self::remedy(PHP_SAPI), $failure);
    }

    /** How to enable FFI, for each PHP SAPI. Windows cannot preload. */
    public static function remedy(string $sapi, string $family = PHP_OS_FAMILY): string
    {
        if ($family === 'Windows' && $sapi === 'apache2handler') {
            return 'Set in ' . self::iniFile() . ":\n  ffi.enable=true\nand restart Apache (in XAMPP and WAMP: with"
                . ' their control panel). Every script can then use FFI.';
        }
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

    public static function noPreloading(): LibraryException
    {
        return self::create(
            'PHP on Windows cannot preload. Remove the line opcache.preload from ' . self::iniFile()
            . ", and set there:\n  ffi.enable=true\nEvery script can then use FFI."
        );
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

        return PHP_OS_FAMILY === 'Windows' ? get_current_user() : 'www-data';
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

    /**
     * @param string $file  "library" or "program": the name of the option that names another one
     * @param string $found a description of this platform
     */
    public static function noPlatform(string $file, string $found): LibraryException
    {
        return self::create(
            "This package has no $file for this system ($found). It has one for each of: "
            . implode(', ', Platform::NAMES) . '. Build flexpay from its source on this system, and name the '
            . ($file === 'library' ? 'shared library' : $file) . " with the \"$file\" option or the environment"
            . ' variable FLEXPAY_' . strtoupper($file) . '.'
        );
    }

    /**
     * Names the file that failed, the reason, and all the places that can name a library.
     *
     * @param string|null $bundled the path of the bundled library, if there is one for this platform
     */
    public static function cannotLoad(
        string $path,
        ?string $option,
        ?string $bundled,
        Throwable $failure
    ): LibraryException {
        $environment = (string) getenv('FLEXPAY_LIBRARY');
        if ($path === $bundled && !file_exists($path)) {
            return self::create(
                "The bundled library is missing: $path does not exist. Install the package again or, in a copy of the"
                . ' flexpay project, run "make bundle"; or name another library with the "library" option or the'
                . ' environment variable FLEXPAY_LIBRARY.',
                $failure
            );
        }
        $reason = file_exists($path) ? $failure->getMessage() : 'the file does not exist';
        $lines = [
            "Cannot load libflexpay. Tried $path: $reason. The first of these that is set is used:",
            '1. the "library" option: ' . ($option ?? 'not set'),
            '2. the environment variable FLEXPAY_LIBRARY: ' . ($environment === '' ? 'not set' : $environment),
            '3. the bundled file: ' . ($bundled ?? 'none for this system'),
        ];

        return self::create(implode("\n", $lines), $failure);
    }

    /** Neither transport can be used: what would allow which. */
    public static function neither(LibraryException $library, LibraryException $program): LibraryException
    {
        return self::create(
            "FlexPay needs FFI or its own program, and can use neither here. One of them is enough.\n"
            . '1. FFI, the faster one: ' . $library->getMessage() . "\n"
            . '2. The program: ' . $program->getMessage(),
            $library
        );
    }

    /** @param list<string> $functions that a host has disabled */
    public static function functionsDisabled(array $functions): LibraryException
    {
        $names = implode(', ', $functions);

        return self::create(
            "PHP may not start programs here: $names cannot be called. Remove "
            . (count($functions) === 1 ? 'it' : 'them') . ' from the line disable_functions in ' . self::iniFile()
            . ', or ask the host to.'
        );
    }

    /** @param string $problem what was seen when the program was started */
    public static function cannotRun(string $path, string $problem): LibraryException
    {
        $reason = self::whyNotExecutable($path) ?? $problem;

        return self::create(
            "Cannot run $path: $reason. (The program is the one that the option \"program\" names or, without it,"
            . ' the environment variable FLEXPAY_PROGRAM or, without both, the bundled one.)'
        );
    }

    public static function otherProtocol(string $path, string $message): LibraryException
    {
        return self::create("$path and this package do not match: $message. Update the older of the two.");
    }

    /** Why the system refuses to execute a file; null if nothing is wrong with it. */
    private static function whyNotExecutable(string $path): ?string
    {
        $isFile = $isExecutable = false;
        $mode = 0;
        $warning = Warnings::capture(static function () use ($path, &$isFile, &$isExecutable, &$mode): void {
            $isFile = is_file($path);
            if ($isFile) {
                $mode = (int) fileperms($path);
                $isExecutable = is_executable($path);
            }
        });
        if (strpos($warning, 'open_basedir') !== false) {
            return 'it could not be started, and PHP may not look why: add its directory to the line open_basedir in '
                . self::iniFile();
        }
        if (!$isFile) {
            $problem = 'there is no such file, or the user ' . self::user() . ' may not see it';

            return $path !== Platform::program() ? $problem
                : "$problem; install the package again or, in a copy of the flexpay project, run \"make bundle\"";
        }
        // Windows has no such permission.
        if (PHP_OS_FAMILY !== 'Windows' && ($mode & 0111) === 0) {
            return 'the file is not executable; run: chmod 755 ' . escapeshellarg($path);
        }
        if (!$isExecutable) {
            return 'the user ' . self::user() . ' may not execute it: its permissions do not allow it, or its file'
                . ' system is mounted with noexec; copy the program to another place';
        }

        return null;
    }
}
