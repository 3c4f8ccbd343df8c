<?php

declare(strict_types=1);

namespace FlexPay\Exception;

/**
 * libflexpay cannot be loaded, or the program flexpay cannot be started. The message says what was tried, and
 * which setting to change.
 */
final class LibraryException extends \RuntimeException implements FlexPayException
{
    use Details;

    public function getCodeName(): string
    {
        return 'INTERNAL';
    }
}
