<?php

declare(strict_types=1);

namespace FlexPay\Exception;

/**
 * The wait was cancelled. The payment's outcome is unknown.
 */
final class CancelledException extends \RuntimeException implements FlexPayException
{
    use Details;

    public function getCodeName(): string
    {
        return 'CANCELLED';
    }
}
