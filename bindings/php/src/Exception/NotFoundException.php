<?php

declare(strict_types=1);

namespace FlexPay\Exception;

/**
 * The gateway knows no such order (for a moment after a payment request, that is normal).
 */
final class NotFoundException extends \RuntimeException implements FlexPayException
{
    use Details;

    public function getCodeName(): string
    {
        return 'NOT_FOUND';
    }
}
