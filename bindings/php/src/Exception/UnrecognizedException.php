<?php

declare(strict_types=1);

namespace FlexPay\Exception;

/**
 * A result code that this version of the package does not know. Use getOutcome().
 */
final class UnrecognizedException extends \RuntimeException implements FlexPayException
{
    use Details;

    public function getCodeName(): string
    {
        return 'UNRECOGNIZED';
    }
}
