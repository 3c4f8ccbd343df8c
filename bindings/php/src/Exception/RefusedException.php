<?php

declare(strict_types=1);

namespace FlexPay\Exception;

/**
 * The gateway said no; getGatewayMessage() has its words.
 */
final class RefusedException extends \RuntimeException implements FlexPayException
{
    use Details;

    public function getCodeName(): string
    {
        return 'REFUSED';
    }
}
