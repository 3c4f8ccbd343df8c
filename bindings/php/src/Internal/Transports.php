<?php

declare(strict_types=1);

namespace FlexPay\Internal;

use FlexPay\Exception\LibraryException;

/**
 * Chooses the transport: the library where PHP allows FFI, and else the program.
 *
 * @internal
 */
final class Transports
{
    /** The values of the option "transport". */
    public const NAMES = ['auto', 'ffi', 'program'];

    /** The first transport that this process used. */
    private static ?Transport $current = null;

    private function __construct()
    {
    }

    /**
     * @param string      $name    one of NAMES
     * @param string|null $library the option "library"
     * @param string|null $program the option "program"
     *
     * @throws LibraryException
     */
    public static function choose(string $name, ?string $library, ?string $program): Transport
    {
        switch ($name) {
            case 'ffi':
                $transport = Library::load($library);
                break;
            case 'program':
                $transport = Program::at($program);
                break;
            default:
                $transport = self::auto($library, $program);
        }
        self::$current = self::$current ?? $transport;

        return $transport;
    }

    /**
     * The transport for the functions that have no client and no options.
     *
     * @throws LibraryException
     */
    public static function current(): Transport
    {
        return self::$current ?? self::choose('auto', null, null);
    }

    private static function auto(?string $library, ?string $program): Transport
    {
        if ($library === null && $program === null && self::$current !== null) {
            return self::$current;
        }
        try {
            return Library::load($library);
        } catch (LibraryException $noLibrary) {
            // A library that the shop chose, and that PHP may load, must work.
            if (Loader::isChosen($library) && Loader::isAllowed()) {
                throw $noLibrary;
            }
        }
        try {
            return Program::at($program);
        } catch (LibraryException $noProgram) {
            throw LoadErrors::neither($noLibrary, $noProgram);
        }
    }
}
