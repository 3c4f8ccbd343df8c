<?php

declare(strict_types=1);

namespace FlexPay\Exception;

/**
 * The gateway does not know the order. This is normal for a moment after a payment request.
 */
final class NotFoundException extends \RuntimeException implements FlexPayException
{
    use Details;

    public function getCodeName(): string
    {
        return 'NOT_FOUND';
    }
}
