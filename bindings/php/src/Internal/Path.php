<?php

declare(strict_types=1);

namespace FlexPay\Internal;

/**
 * Paths of files that a shop names.
 *
 * @internal
 */
final class Path
{
    private function __construct()
    {
    }

    /**
     * An absolute path: the dynamic linker would search its own directories for a bare file name.
     *
     * @param string $directory an absolute path, where a relative path starts
     * @param string $family    of the system, as PHP_OS_FAMILY
     */
    public static function absolute(string $path, string $directory, string $family = PHP_OS_FAMILY): string
    {
        if ($family !== 'Windows') {
            return strncmp($path, '/', 1) === 0 ? $path : "$directory/$path";
        }
        // Windows loads a library only from a path with backslashes.
        $path = strtr($path, '/', '\\');
        $directory = rtrim(strtr($directory, '/', '\\'), '\\');
        // A drive, or a share of another machine: \\server\share.
        if (preg_match('~^([a-z]:|\\\\\\\\)~i', $path) === 1) {
            return $path;
        }
        if (strncmp($path, '\\', 1) === 0) {
            return self::root($directory) . $path;
        }

        return "$directory\\$path";
    }

    /** The drive or the share of an absolute path of Windows: "C:", "\\server\share". */
    private static function root(string $path): string
    {
        preg_match('~^([a-z]:|\\\\\\\\[^\\\\]+\\\\[^\\\\]+)~i', $path, $found);

        return $found[0] ?? '';
    }
}
