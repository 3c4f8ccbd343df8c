<?php

declare(strict_types=1);

namespace FlexPay\Exception;

/**
 * The gateway has no such order. For a moment after a payment request this is normal.
 */
final class NotFoundException extends \RuntimeException implements FlexPayException
{
    use Details;

    public function getCodeName(): string
    {
        return 'NOT_FOUND';
    }
}
