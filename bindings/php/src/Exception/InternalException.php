<?php

declare(strict_types=1);

namespace FlexPay\Exception;

/**
 * An internal error in the library.
 */
final class InternalException extends \RuntimeException implements FlexPayException
{
    use Details;

    public function getCodeName(): string
    {
        return 'INTERNAL';
    }
}
