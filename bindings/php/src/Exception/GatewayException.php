<?php

declare(strict_types=1);

namespace FlexPay\Exception;

/**
 * The gateway failed: HTTP 5xx, 408, 429, or a status it does not document.
 */
final class GatewayException extends \RuntimeException implements FlexPayException
{
    use Details;

    public function getCodeName(): string
    {
        return 'GATEWAY';
    }
}
