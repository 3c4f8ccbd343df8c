<?php

declare(strict_types=1);

namespace FlexPay\Exception;

/**
 * The TLS handshake failed: the certificate is not trusted, expired, not yet valid, or for another name.
 */
final class TlsException extends \RuntimeException implements FlexPayException
{
    use Details;

    public function getCodeName(): string
    {
        return 'TLS';
    }
}
