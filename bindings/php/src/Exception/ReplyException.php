<?php

declare(strict_types=1);

namespace FlexPay\Exception;

/**
 * A reply came that cannot be read, or that contradicts itself.
 */
final class ReplyException extends \RuntimeException implements FlexPayException
{
    use Details;

    public function getCodeName(): string
    {
        return 'REPLY';
    }
}
