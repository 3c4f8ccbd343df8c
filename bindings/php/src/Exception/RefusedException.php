<?php

declare(strict_types=1);

namespace FlexPay\Exception;

/**
 * The gateway refused the request. The error has the gateway's message.
 */
final class RefusedException extends \RuntimeException implements FlexPayException
{
    use Details;

    public function getCodeName(): string
    {
        return 'REFUSED';
    }
}
