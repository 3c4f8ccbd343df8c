<?php

declare(strict_types=1);

namespace FlexPay\Exception;

/**
 * The connection broke after the request had begun.
 */
final class ConnectionException extends \RuntimeException implements FlexPayException
{
    use Details;

    public function getCodeName(): string
    {
        return 'CONNECTION';
    }
}
