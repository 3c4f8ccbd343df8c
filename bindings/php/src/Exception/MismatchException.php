<?php

declare(strict_types=1);

namespace FlexPay\Exception;

/**
 * A callback whose transaction is not the one that was expected; the message names each difference.
 */
final class MismatchException extends \RuntimeException implements FlexPayException
{
    use Details;

    public function getCodeName(): string
    {
        return 'MISMATCH';
    }
}
