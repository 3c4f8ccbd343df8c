<?php

declare(strict_types=1);

namespace FlexPay\Exception;

/**
 * The journal has an earlier request under this reference, and nobody knows what came of it. Nothing
 * was sent now.
 */
final class InDoubtException extends \RuntimeException implements FlexPayException
{
    use Details;

    public function getCodeName(): string
    {
        return 'IN_DOUBT';
    }
}
