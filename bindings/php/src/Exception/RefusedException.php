<?php

declare(strict_types=1);

namespace FlexPay\Exception;

/**
 * The gateway refused the request. getGatewayMessage() returns its message.
 */
final class RefusedException extends \RuntimeException implements FlexPayException
{
    use Details;

    public function getCodeName(): string
    {
        return 'REFUSED';
    }
}
