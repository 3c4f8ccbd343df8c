<?php

declare(strict_types=1);

namespace FlexPay\Exception;

/**
 * The callback's body cannot be read.
 */
final class CallbackException extends \RuntimeException implements FlexPayException
{
    use Details;

    public function getCodeName(): string
    {
        return 'CALLBACK';
    }
}
