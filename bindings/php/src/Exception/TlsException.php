<?php

declare(strict_types=1);

namespace FlexPay\Exception;

/**
 * The TLS handshake failed: certificate not trusted, out of its dates, or for another name.
 */
final class TlsException extends \RuntimeException implements FlexPayException
{
    use Details;

    public function getCodeName(): string
    {
        return 'TLS';
    }
}
