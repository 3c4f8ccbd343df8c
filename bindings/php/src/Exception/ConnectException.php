<?php

declare(strict_types=1);

namespace FlexPay\Exception;

/**
 * No connection could be made.
 */
final class ConnectException extends \RuntimeException implements FlexPayException
{
    use Details;

    public function getCodeName(): string
    {
        return 'CONNECT';
    }
}
