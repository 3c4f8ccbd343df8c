<?php

declare(strict_types=1);

namespace FlexPay\Exception;

/**
 * The host name could not be resolved.
 */
final class ResolveException extends \RuntimeException implements FlexPayException
{
    use Details;

    public function getCodeName(): string
    {
        return 'RESOLVE';
    }
}
