<?php

declare(strict_types=1);

namespace FlexPay\Exception;

/**
 * An argument or a setting is invalid. Nothing was sent. The error names the field.
 */
final class InvalidArgumentException extends \InvalidArgumentException implements FlexPayException
{
    use Details;

    public function getCodeName(): string
    {
        return 'INVALID';
    }
}
