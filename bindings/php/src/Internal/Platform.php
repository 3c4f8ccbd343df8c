<?php

declare(strict_types=1);

namespace FlexPay\Internal;

/**
 * The platform of this PHP, and the files that the package has for it: lib/PLATFORM has a library for FFI,
 * and the program.
 *
 * @internal
 */
final class Platform
{
    /** The platforms that a released package has files for. */
    public const NAMES = [
        'linux-x86_64', 'linux-aarch64', 'linux-armv7', 'linux-musl-x86_64', 'linux-musl-aarch64',
        'windows-x86_64', 'windows-i686',
    ];

    /** The type of the segment with the name of the dynamic linker. */
    private const PT_INTERP = 3;

    private function __construct()
    {
    }

    /** One of NAMES, or null if there are no files for this PHP. */
    public static function name(): ?string
    {
        return self::of(PHP_OS_FAMILY, php_uname('m'), PHP_INT_SIZE, self::interpreter());
    }

    /**
     * The platform with these properties. The processor and the kernel may be of 64 bits, and PHP of 32: a
     * PHP can only load a library with its own number of bits.
     *
     * @param string $family      of the system, as PHP_OS_FAMILY
     * @param string $machine     as php_uname('m')
     * @param int    $intSize     4 or 8, as PHP_INT_SIZE
     * @param string $interpreter the dynamic linker of PHP: it is a part of the C library; empty: not known
     */
    public static function of(string $family, string $machine, int $intSize, string $interpreter): ?string
    {
        if ($family === 'Windows') {
            return $intSize === 8 ? 'windows-x86_64' : 'windows-i686';
        }
        if ($family !== 'Linux') {
            return null;
        }
        $isMusl = strpos($interpreter, '/ld-musl-') !== false;
        if ($intSize === 8) {
            $name = ($isMusl ? 'linux-musl-' : 'linux-') . $machine;

            return in_array($name, self::NAMES, true) ? $name : null;
        }
        // A 64 bit kernel reports aarch64, or armv8l, for 32 bit programs too. Debian's "armel" has another
        // calling convention ("soft float"), and another dynamic linker.
        $isArm = in_array($machine, ['armv7l', 'armv8l', 'aarch64'], true);
        $isHardFloat = $interpreter === '' || strpos($interpreter, 'armhf') !== false;

        return $isArm && $isHardFloat && !$isMusl ? 'linux-armv7' : null;
    }

    /** The path of the bundled library; null if the package has none for this PHP. */
    public static function library(): ?string
    {
        return self::bundled(PHP_OS_FAMILY === 'Windows' ? 'flexpay.dll' : 'libflexpay.so');
    }

    /** The path of the bundled program; null if the package has none for this PHP. */
    public static function program(): ?string
    {
        return self::bundled(PHP_OS_FAMILY === 'Windows' ? 'flexpay.exe' : 'flexpay');
    }

    /** What was found, for a message: "Linux, ppc64le, 64 bit PHP, /lib64/ld64.so.2". */
    public static function description(): string
    {
        $interpreter = self::interpreter();

        return PHP_OS_FAMILY . ', ' . php_uname('m') . ', ' . 8 * PHP_INT_SIZE . ' bit PHP'
            . ($interpreter === '' ? '' : ", $interpreter");
    }

    /**
     * The dynamic linker that an executable file names in its segment PT_INTERP. Empty if the file names none:
     * it is linked statically, or it is no ELF file. Null if it cannot be read.
     */
    public static function interpreterOf(string $file): ?string
    {
        $start = self::read($file, 0, 64);
        if ($start === null) {
            return null;
        }
        if (strlen($start) < 64 || strncmp($start, "\x7fELF", 4) !== 0) {
            return '';
        }
        // All platforms are little endian. The upper halves of 64 bit numbers are 0 here.
        $is64 = $start[4] === "\x02";
        [, $offset] = unpack('V', $start, $is64 ? 0x20 : 0x1c);
        [, $size, $count] = unpack('v2', $start, $is64 ? 0x36 : 0x2a);
        $headers = (string) self::read($file, $offset, $size * $count);
        foreach ($size === 0 ? [] : str_split($headers, $size) as $header) {
            $words = unpack('V*', $header);
            $isWhole = count($words) >= ($is64 ? 14 : 8);
            if ($isWhole && $words[1] === self::PT_INTERP) {
                [$offset, $length] = $is64 ? [$words[3], $words[9]] : [$words[2], $words[5]];

                return rtrim((string) self::read($file, $offset, $length), "\0");
            }
        }

        return '';
    }

    /** At most $length bytes of a file; null if it cannot be read. */
    private static function read(string $file, int $offset, int $length): ?string
    {
        $content = false;
        Warnings::capture(static function () use ($file, $offset, $length, &$content): void {
            $content = file_get_contents($file, false, null, $offset, $length);
        });

        return is_string($content) ? $content : null;
    }

    private static function interpreter(): string
    {
        if (PHP_OS_FAMILY !== 'Linux') {
            return '';
        }
        // In Apache, PHP is a module, and has no executable file of its own.
        $interpreter = self::interpreterOf('/proc/self/exe') ?? self::interpreterOf(PHP_BINARY);
        if ($interpreter !== null) {
            return $interpreter;
        }

        // With open_basedir, PHP cannot read these files. PHP has no GLOB_BRACE if it was compiled with musl.
        return defined('GLOB_BRACE') ? '' : '/lib/ld-musl-' . php_uname('m') . '.so.1';
    }

    private static function bundled(string $file): ?string
    {
        $name = self::name();

        return $name === null ? null : implode(DIRECTORY_SEPARATOR, [dirname(__DIR__, 2), 'lib', $name, $file]);
    }
}
