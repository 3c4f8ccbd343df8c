<?php

declare(strict_types=1);

namespace FlexPay\Exception;

/**
 * The wait was cancelled.
 */
final class CancelledException extends \RuntimeException implements FlexPayException
{
    use Details;

    public function getCodeName(): string
    {
        return 'CANCELLED';
    }
}
