<?php

declare(strict_types=1);

namespace FlexPay\Exception;

/**
 * The gateway did not accept the token (HTTP 401 or 403).
 */
final class UnauthorizedException extends \RuntimeException implements FlexPayException
{
    use Details;

    public function getCodeName(): string
    {
        return 'UNAUTHORIZED';
    }
}
