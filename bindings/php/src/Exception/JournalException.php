<?php

declare(strict_types=1);

namespace FlexPay\Exception;

/**
 * The journal cannot be read or written. If nothing was recorded before a request, nothing is sent.
 */
final class JournalException extends \RuntimeException implements FlexPayException
{
    use Details;

    public function getCodeName(): string
    {
        return 'JOURNAL';
    }
}
