<?php

declare(strict_types=1);

namespace FlexPay\Exception;

/**
 * The client was used after close().
 */
final class ClosedException extends \LogicException implements FlexPayException
{
    use Details;

    public function getCodeName(): string
    {
        return 'INVALID';
    }
}
