<?php

declare(strict_types=1);

namespace FlexPay\Exception;

/**
 * The transaction is not the expected one. The error's message names each field that differs.
 */
final class MismatchException extends \RuntimeException implements FlexPayException
{
    use Details;

    public function getCodeName(): string
    {
        return 'MISMATCH';
    }
}
