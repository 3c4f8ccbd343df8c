<?php

declare(strict_types=1);

namespace FlexPay\Exception;

/**
 * The transaction is not the one that was expected. The message names each difference.
 */
final class MismatchException extends \RuntimeException implements FlexPayException
{
    use Details;

    public function getCodeName(): string
    {
        return 'MISMATCH';
    }
}
