<?php

declare(strict_types=1);

namespace FlexPay\Internal;

use FlexPay\Exception\FlexPayException;
use FlexPay\Exception\InvalidArgumentException;

/**
 * The guards at the border between PHP and C: types, and what C cannot hold. Whether a value is a
 * good one, the library judges.
 *
 * @internal
 */
final class Arguments
{
    private function __construct()
    {
    }

    /**
     * An amount as text.
     *
     * @param mixed $amount
     *
     * @throws InvalidArgumentException
     */
    public static function amount($amount): string
    {
        if (is_float($amount)) {
            throw self::refused(
                'amount',
                'is a float, which cannot hold most cents exactly; give text ("25.50"), or an int of whole units'
            );
        }
        if (!is_string($amount) && !is_int($amount)) {
            throw self::refused('amount', 'must be a string or an int, not ' . gettype($amount));
        }

        return (string) $amount;
    }

    /**
     * A string that C reads up to its first NUL: it must have none.
     *
     * @throws InvalidArgumentException
     */
    public static function withoutNul(
        string $field,
        #[\SensitiveParameter]
        string $text
    ): string {
        if (strpos($text, "\0") !== false) {
            throw self::refused($field, 'has a NUL byte in it');
        }

        return $text;
    }

    public static function refused(string $field, string $problem): InvalidArgumentException
    {
        return new InvalidArgumentException(
            $field . ': ' . $problem,
            Abi::ERROR_INVALID,
            FlexPayException::OUTCOME_NOT_SENT,
            $field
        );
    }
}
