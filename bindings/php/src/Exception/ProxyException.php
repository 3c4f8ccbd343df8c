<?php

declare(strict_types=1);

namespace FlexPay\Exception;

/**
 * The proxy refused the connection, or failed.
 */
final class ProxyException extends \RuntimeException implements FlexPayException
{
    use Details;

    public function getCodeName(): string
    {
        return 'PROXY';
    }
}
