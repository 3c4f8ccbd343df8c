<?php

declare(strict_types=1);

namespace FlexPay\Exception;

/**
 * The reply cannot be read, or contradicts itself.
 */
final class ReplyException extends \RuntimeException implements FlexPayException
{
    use Details;

    public function getCodeName(): string
    {
        return 'REPLY';
    }
}
