<?php

declare(strict_types=1);

namespace FlexPay\Exception;

/**
 * The TLS handshake failed: the certificate is not trusted, is not valid now, or is for another host.
 */
final class TlsException extends \RuntimeException implements FlexPayException
{
    use Details;

    public function getCodeName(): string
    {
        return 'TLS';
    }
}
