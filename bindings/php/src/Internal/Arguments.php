<?php

declare(strict_types=1);

namespace FlexPay\Internal;

use FlexPay\Exception\FlexPayException;
use FlexPay\Exception\InvalidArgumentException;

/**
 * Checks arguments before they are passed on: PHP types, and strings that C or JSON cannot hold. The
 * library checks the values.
 *
 * @internal
 */
final class Arguments
{
    private const UINT32_MAX = 4294967295;

    private function __construct()
    {
    }

    /**
     * An amount as a string.
     *
     * @param mixed $amount
     *
     * @throws InvalidArgumentException
     */
    public static function amount($amount): string
    {
        if (is_float($amount)) {
            throw self::invalid(
                'amount',
                'is a float, which cannot represent most cents exactly; use a string ("25.50") or an int of whole units'
            );
        }
        if (!is_string($amount) && !is_int($amount)) {
            throw self::invalid('amount', 'must be a string or an int, not ' . gettype($amount));
        }

        return (string) $amount;
    }

    /**
     * Returns the number if it is in this range, whose end is by default that of C's uint32_t.
     *
     * @throws InvalidArgumentException
     */
    public static function inRange(string $field, int $number, int $min, int $max = self::UINT32_MAX): int
    {
        if ($number < $min || $number > $max) {
            throw self::invalid($field, "must be an int from $min to $max");
        }

        return $number;
    }

    /**
     * Refuses a string that is not one of these.
     *
     * @param list<string> $strings
     *
     * @throws InvalidArgumentException
     */
    public static function oneOf(string $field, string $string, array $strings): void
    {
        if (!in_array($string, $strings, true)) {
            throw self::invalid($field, 'must be "' . implode('" or "', $strings) . '"');
        }
    }

    /**
     * Returns the string if it has no NUL byte. C reads a string only up to its first NUL.
     *
     * @throws InvalidArgumentException
     */
    public static function withoutNul(
        string $field,
        #[\SensitiveParameter]
        string $string
    ): string {
        if (strpos($string, "\0") !== false) {
            throw self::invalid($field, 'contains a NUL byte');
        }

        return $string;
    }

    /**
     * Refuses fields with a NUL byte.
     *
     * @param array<string, mixed> $fields
     *
     * @throws InvalidArgumentException
     */
    public static function checkNoNul(
        #[\SensitiveParameter]
        array $fields
    ): void {
        foreach ($fields as $field => $value) {
            if (is_string($value)) {
                self::withoutNul($field, $value);
            }
        }
    }

    /**
     * Refuses fields that are not UTF-8, with the message of the library.
     *
     * @param array<string, mixed> $fields
     *
     * @throws InvalidArgumentException
     */
    public static function checkUtf8(
        #[\SensitiveParameter]
        array $fields
    ): void {
        foreach ($fields as $field => $value) {
            if (is_string($value) && preg_match('//u', $value) !== 1) {
                throw self::invalid($field, 'is not UTF-8');
            }
        }
    }

    public static function invalid(string $field, string $problem): InvalidArgumentException
    {
        return new InvalidArgumentException(
            $field . ': ' . $problem,
            Abi::ERROR_INVALID,
            FlexPayException::OUTCOME_NOT_SENT,
            $field
        );
    }
}
