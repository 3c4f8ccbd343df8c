<?php

declare(strict_types=1);

namespace FlexPay\Exception;

/**
 * The deadline passed.
 */
final class TimeoutException extends \RuntimeException implements FlexPayException
{
    use Details;

    public function getCodeName(): string
    {
        return 'TIMEOUT';
    }
}
