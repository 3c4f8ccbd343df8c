<?php

declare(strict_types=1);

namespace FlexPay\Exception;

/**
 * libflexpay could not be loaded; the message says what was tried, and what to set.
 */
final class LibraryException extends \RuntimeException implements FlexPayException
{
    use Details;

    public function getCodeName(): string
    {
        return 'INTERNAL';
    }
}
