<?php

declare(strict_types=1);

namespace FlexPay\Internal;

use FFI;
use FFI\CData;
use FlexPay\Exception\FlexPayException;

/**
 * Turns PHP values into C structs, and C structs into PHP values.
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
     * A zeroed input struct with its size and its strings set. Its strings live in $kept, which
     * must live as long as the struct.
     *
     * @param array<string, string|null> $texts by field; null is absent
     * @param list<CData>                $kept
     */
    public function input(
        string $type,
        #[\SensitiveParameter]
        array $texts,
        array &$kept
    ): CData {
        $struct = $this->ffi->new($type);
        $struct->size = FFI::sizeof($struct);
        foreach ($texts as $field => $text) {
            if ($text !== null) {
                $bytes = $this->copyIn('char', $text);
                $struct->$field = $this->ffi->cast('char *', $bytes);
                $kept[] = $bytes;
            }
        }

        return $struct;
    }

    /** The bytes of a string, and a NUL. */
    public function copyIn(
        string $type,
        #[\SensitiveParameter]
        string $text
    ): CData {
        $length = strlen($text);
        $bytes = $this->ffi->new($type . '[' . ($length + 1) . ']');
        FFI::memcpy($bytes, $text, $length);

        return $bytes;
    }

    /** @return array<string, mixed> */
    public function payment(CData $payment): array
    {
        return $this->copyOut($payment, 'flexpay_payment');
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

    /**
     * What an error says; it may be NULL.
     *
     * @return array<string, mixed> the arguments of Failure::of()
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
     * The fields of a struct as PHP has them: FFI copies `const char *` to a string, NULL to null.
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
