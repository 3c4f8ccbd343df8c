<?php

declare(strict_types=1);

namespace FlexPay;

use FlexPay\Exception\FlexPayException;
use FlexPay\Internal\Transports;

/** Phone numbers of the DR Congo. */
final class Phone
{
    private function __construct()
    {
    }

    /**
     * Converts a number, as people write it, to "243" and nine digits, as Client::payMobile() and
     * Client::payout() send it. They do it themselves: call this to check what a customer typed, or to
     * compare numbers. Uses no network, does not block.
     *
     * Accepted are "+243…", "00243…" and "243…" with nine more digits, and "0" with nine more digits.
     * Blanks, dots, dashes, brackets and invisible characters are removed. Only the gateway knows which operator a number
     * belongs to.
     *
     * @throws FlexPayException InvalidArgumentException, with the field "phone", and what is wrong with
     *                          the number; LibraryException
     */
    public static function normalize(string $phone): string
    {
        return Transports::current()->normalizePhone($phone);
    }
}
