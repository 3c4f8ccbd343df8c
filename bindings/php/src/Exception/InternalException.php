<?php

declare(strict_types=1);

namespace FlexPay\Exception;

/**
 * A bug in this library.
 */
final class InternalException extends \RuntimeException implements FlexPayException
{
    use Details;

    public function getCodeName(): string
    {
        return 'INTERNAL';
    }
}
