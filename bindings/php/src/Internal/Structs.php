<?php

declare(strict_types=1);

namespace FlexPay\Internal;

use FFI;
use FFI\CData;
use FlexPay\Exception\FlexPayException;

/**
 * Converts PHP values to C structs, and C structs to PHP values.
 *
 * @internal
 */
final class Structs
{
    private FFI $ffi;

    public function __construct(FFI $ffi)
    {
        $this->ffi = $ffi;
    }

    /**
     * Creates a zeroed input struct, and sets its size and the given fields. The struct points into
     * $buffers, which must live as long as the struct.
     *
     * @param array<string, string|int|null> $fields  by name; null is absent
     * @param list<CData>                    $buffers the copies of the strings are appended here
     */
    public function input(
        string $type,
        #[\SensitiveParameter]
        array $fields,
        array &$buffers
    ): CData {
        $struct = $this->ffi->new($type);
        $struct->size = FFI::sizeof($struct);
        foreach ($fields as $field => $value) {
            if (is_int($value)) {
                $struct->$field = $value;
            } elseif ($value !== null) {
                $bytes = $this->copyIn('char', $value);
                $struct->$field = $this->ffi->cast('char *', $bytes);
                $buffers[] = $bytes;
            }
        }

        return $struct;
    }

    /** Copies a string into a new C array, with a NUL at its end. */
    public function copyIn(
        string $type,
        #[\SensitiveParameter]
        string $string
    ): CData {
        $length = strlen($string);
        $bytes = $this->ffi->new($type . '[' . ($length + 1) . ']');
        FFI::memcpy($bytes, $string, $length);

        return $bytes;
    }

    /** @return array<string, mixed> */
    public function payment(CData $payment): array
    {
        $fields = $this->copyOut($payment, 'flexpay_payment');
        $fields['is_recorded'] = $fields['is_recorded'] === 1;

        return $fields;
    }

    /** @return array<string, mixed> */
    public function transaction(CData $transaction): array
    {
        $fields = $this->copyOut($transaction, 'flexpay_transaction');
        $fields['state'] = $this->ffi->flexpay_state_name($fields['state']);

        return $fields;
    }

    /** @return array<string, mixed> */
    public function callback(CData $callback): array
    {
        $fields = $this->copyOut($callback, 'flexpay_callback');
        $fields['claims_success'] = $fields['claims_success'] === 1;

        return $fields;
    }

    /** @return array<string, mixed> */
    public function settlement(CData $settlement): array
    {
        $fields = $this->copyOut($settlement, 'flexpay_settlement');
        $fields['kind'] = array_search($fields['kind'], Names::KINDS, true);
        $fields['state'] = $this->ffi->flexpay_entry_state_name($fields['state']);
        foreach (['changed', 'to_deliver', 'is_open'] as $flag) {
            $fields[$flag] = $fields[$flag] === 1;
        }

        return $fields;
    }

    /** @return array{settlements: list<array<string, mixed>>, stopped: string|null} */
    public function settlements(CData $list): array
    {
        $settlements = [];
        for ($at = 0; $at < $list->count; $at++) {
            $settlements[] = $this->settlement($list->items[$at]);
        }

        return ['settlements' => $settlements, 'stopped' => $list->stopped];
    }

    public function text(CData $text): string
    {
        return $text->text;
    }

    /**
     * Copies an error, which may be NULL.
     *
     * @return array<string, mixed> the argument of ExceptionFactory::create()
     */
    public function error(int $code, CData $error): array
    {
        if (FFI::isNull($error)) {
            return [
                'code' => $code,
                'message' => $this->ffi->flexpay_result_name($code),
                'outcome' => FlexPayException::OUTCOME_UNKNOWN,
            ];
        }
        $details = $this->copyOut($error, 'flexpay_error');
        $details['outcome'] = $this->ffi->flexpay_outcome_name($details['outcome']);

        return $details;
    }

    /**
     * Copies the fields of a struct: FFI converts `const char *` to a string, and NULL to null.
     *
     * @return array<string, mixed>
     */
    private function copyOut(CData $struct, string $type): array
    {
        $values = [];
        foreach (Abi::FIELDS[$type] as $field) {
            $values[$field] = $struct->$field;
        }

        return $values;
    }
}
