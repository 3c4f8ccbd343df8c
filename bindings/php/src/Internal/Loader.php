<?php

declare(strict_types=1);

namespace FlexPay\Internal;

use FFI;
use FlexPay\Exception\FlexPayException;
use FlexPay\Exception\LibraryException;

/**
 * Finds the shared library and loads it.
 *
 * @internal
 */
final class Loader
{
    private const SCOPE = 'FLEXPAY';

    /** The name of a type that preload() declares, so that a later request can identify the loaded file. */
    public static function markerType(string $path): string
    {
        $real = realpath($path);

        return 'flexpay_from_' . md5($real === false ? $path : $real);
    }

    /**
     * The absolute path of a file that the shop names.
     *
     * @throws FlexPayException
     */
    public static function absolute(string $path, string $option = 'library'): string
    {
        return Path::absolute(Arguments::withoutNul($option, $path), (string) getcwd());
    }

    /**
     * Loads the library for all later requests. Called only by preload.php.
     *
     * @param string $family of the system
     *
     * @throws LibraryException
     */
    public static function preload(string $family = PHP_OS_FAMILY): void
    {
        if ($family === 'Windows') {
            throw LoadErrors::noPreloading();
        }
        if (self::preloaded() !== null) {
            return;
        }
        $path = self::locate(null);
        self::checkFile($path, null);
        // FFI::load reads the library's path only from the header file.
        $header = tempnam(sys_get_temp_dir(), 'flexpay');
        if ($header === false) {
            throw LoadErrors::create('Cannot create a temporary file in ' . sys_get_temp_dir() . '.');
        }
        try {
            file_put_contents($header, sprintf(
                "#define FFI_SCOPE \"%s\"\n#define FFI_LIB \"%s\"\n%s\ntypedef char %s;\n",
                self::SCOPE,
                $path,
                self::declarations(),
                self::markerType($path)
            ));
            FFI::load($header);
        } finally {
            unlink($header);
        }
    }

    /**
     * Returns the library and its path. The first of these that is set is used, even if it cannot be
     * loaded: the preloaded library (its path is null), $path, FLEXPAY_LIBRARY, the bundled file.
     *
     * @return array{FFI, string|null}
     *
     * @throws LibraryException
     */
    public static function open(?string $path): array
    {
        $ffi = self::preloaded();
        if ($ffi !== null) {
            self::checkVersion($ffi, 'the preloaded library');

            return [$ffi, null];
        }
        $file = self::locate($path);
        self::checkFile($file, $path);

        try {
            return [FFI::cdef(self::declarations(), $file), $file];
        } catch (FFI\Exception $failure) {
            // An older library lacks a function.
            throw LoadErrors::cannotLoad($file, $path, Platform::library(), $failure);
        }
    }

    /** Whether the shop names the library, with the option or the environment. */
    public static function isChosen(?string $option): bool
    {
        return $option !== null || (string) getenv('FLEXPAY_LIBRARY') !== '';
    }

    /** Whether PHP has FFI, and allows it here. */
    public static function isAllowed(): bool
    {
        try {
            self::preloaded();

            return true;
        } catch (LibraryException $missingOrDisabled) {
            return false;
        }
    }

    /** The library that preload.php loaded; null if it did not run, or could not use FFI::load. */
    private static function preloaded(): ?FFI
    {
        if (!extension_loaded('ffi')) {
            throw LoadErrors::ffiMissing();
        }
        try {
            return FFI::scope(self::SCOPE);
        } catch (FFI\Exception $failure) {
            if (strpos($failure->getMessage(), 'restricted') === false) {
                return null;
            }
            throw LoadErrors::ffiDisabled($failure);
        }
    }

    /** @throws FlexPayException */
    private static function locate(?string $option): string
    {
        if ($option !== null) {
            return self::absolute($option);
        }
        $environment = (string) getenv('FLEXPAY_LIBRARY');
        if ($environment !== '') {
            return self::absolute($environment);
        }
        $bundled = Platform::library();
        if ($bundled === null) {
            throw LoadErrors::noPlatform('library', Platform::description());
        }

        return $bundled;
    }

    /** Loads the file at $path and reads only its ABI version, which works with every version. */
    private static function checkFile(string $path, ?string $option): void
    {
        try {
            $ffi = FFI::cdef('int32_t flexpay_abi_version(void);', $path);
        } catch (FFI\Exception $failure) {
            throw LoadErrors::cannotLoad($path, $option, Platform::library(), $failure);
        }
        self::checkVersion($ffi, $path);
    }

    private static function checkVersion(FFI $ffi, string $path): void
    {
        $version = $ffi->flexpay_abi_version();
        if ($version !== Abi::ABI_VERSION) {
            throw LoadErrors::create(sprintf(
                'libflexpay has ABI version %d, but this package needs version %d: %s. Update the older of the two.',
                $version,
                Abi::ABI_VERSION,
                $path
            ));
        }
    }

    private static function declarations(): string
    {
        $file = dirname(__DIR__, 2) . '/flexpay.ffi.h';
        $text = file_get_contents($file);
        if ($text === false) {
            throw LoadErrors::create("Cannot read $file.");
        }

        return $text;
    }
}
