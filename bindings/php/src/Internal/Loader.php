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

    /** The name of a type that preload() declares, by which the file it loaded is known again. */
    public static function mark(string $path): string
    {
        $real = realpath($path);

        return 'flexpay_from_' . md5($real === false ? $path : $real);
    }

    /**
     * A path from the root: the linker would look for a bare name in places of its own.
     *
     * @throws FlexPayException
     */
    public static function absolute(string $path): string
    {
        Arguments::withoutNul('library', $path);

        return $path !== '' && $path[0] === '/' ? $path : (string) getcwd() . '/' . $path;
    }

    /**
     * Loads the library for all requests to come. For preload.php alone.
     *
     * @throws LibraryException
     */
    public static function preload(): void
    {
        if (self::preloaded() !== null) {
            return;
        }
        $path = self::locate(null);
        self::verify($path, null);
        // FFI::load has the library's name from the file and from nowhere else.
        $header = tempnam(sys_get_temp_dir(), 'flexpay');
        if ($header === false) {
            throw Unusable::because('No temporary file can be made in ' . sys_get_temp_dir() . '.');
        }
        try {
            file_put_contents($header, sprintf(
                "#define FFI_SCOPE \"%s\"\n#define FFI_LIB \"%s\"\n%s\ntypedef char %s;\n",
                self::SCOPE,
                $path,
                self::declarations(),
                self::mark($path)
            ));
            FFI::load($header);
        } finally {
            unlink($header);
        }
    }

    /**
     * The library and its path, which is null where preload.php loaded it: the preloaded one if there is
     * one; else the file given; else that of FLEXPAY_LIBRARY; else the bundled one. A place that is named
     * is never skipped for the next.
     *
     * @return array{FFI, string|null}
     *
     * @throws LibraryException
     */
    public static function open(?string $path): array
    {
        $ffi = self::preloaded();
        if ($ffi !== null) {
            self::compare($ffi, 'the preloaded library');

            return [$ffi, null];
        }
        $file = self::locate($path);
        self::verify($file, $path);

        return [FFI::cdef(self::declarations(), $file), $file];
    }

    /** What preload.php loaded; null where it did not run, or had no FFI::load. */
    private static function preloaded(): ?FFI
    {
        if (!extension_loaded('ffi')) {
            throw Unusable::withoutFfi();
        }
        try {
            return FFI::scope(self::SCOPE);
        } catch (FFI\Exception $failure) {
            if (strpos($failure->getMessage(), 'restricted') === false) {
                return null;
            }
            throw Unusable::forbidden($failure);
        }
    }

    /** The file to load. */
    private static function locate(?string $argument): string
    {
        if ($argument !== null) {
            return self::absolute($argument);
        }
        $environment = getenv('FLEXPAY_LIBRARY');

        return $environment === false || $environment === '' ? self::bundled() : self::absolute($environment);
    }

    /** Loads the file at $path for its ABI version only: that works with every version there is. */
    private static function verify(string $path, ?string $argument): void
    {
        try {
            $ffi = FFI::cdef('int32_t flexpay_abi_version(void);', $path);
        } catch (FFI\Exception $failure) {
            throw Unusable::file($path, $argument, self::bundled(), $failure);
        }
        self::compare($ffi, $path);
    }

    private static function compare(FFI $ffi, string $path): void
    {
        $version = $ffi->flexpay_abi_version();
        if ($version !== Abi::ABI_VERSION) {
            throw Unusable::because(sprintf(
                'libflexpay has ABI version %d, and this package was written for version %d: %s. Update the older.',
                $version,
                Abi::ABI_VERSION,
                $path
            ));
        }
    }

    private static function bundled(): string
    {
        return sprintf('%s/lib/%s-%s/libflexpay.so', dirname(__DIR__, 2), strtolower(PHP_OS_FAMILY), php_uname('m'));
    }

    private static function declarations(): string
    {
        $file = dirname(__DIR__, 2) . '/flexpay.ffi.h';
        $text = file_get_contents($file);
        if ($text === false) {
            throw Unusable::because("$file cannot be read.");
        }

        return $text;
    }
}
