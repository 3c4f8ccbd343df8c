<?php

declare(strict_types=1);

namespace FlexPay\Exception;

/**
 * An argument or a setting was refused before anything was sent. getField() names it.
 */
final class InvalidArgumentException extends \InvalidArgumentException implements FlexPayException
{
    use Details;

    public function getCodeName(): string
    {
        return 'INVALID';
    }
}
