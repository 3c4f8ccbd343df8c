<?php

declare(strict_types=1);

namespace FlexPay\Internal;

use FlexPay\Exception;

/**
 * Creates the exception for a result code.
 *
 * @internal
 */
final class ExceptionFactory
{
    private const CLASSES = [
        Abi::ERROR_INVALID => Exception\InvalidArgumentException::class,
        Abi::ERROR_INTERNAL => Exception\InternalException::class,
        Abi::ERROR_RESOLVE => Exception\ResolveException::class,
        Abi::ERROR_CONNECT => Exception\ConnectException::class,
        Abi::ERROR_PROXY => Exception\ProxyException::class,
        Abi::ERROR_TLS => Exception\TlsException::class,
        Abi::ERROR_TIMEOUT => Exception\TimeoutException::class,
        Abi::ERROR_CANCELLED => Exception\CancelledException::class,
        Abi::ERROR_CONNECTION => Exception\ConnectionException::class,
        Abi::ERROR_REPLY => Exception\ReplyException::class,
        Abi::ERROR_GATEWAY => Exception\GatewayException::class,
        Abi::ERROR_UNAUTHORIZED => Exception\UnauthorizedException::class,
        Abi::ERROR_REFUSED => Exception\RefusedException::class,
        Abi::ERROR_NOT_FOUND => Exception\NotFoundException::class,
        Abi::ERROR_CALLBACK => Exception\CallbackException::class,
        Abi::ERROR_MISMATCH => Exception\MismatchException::class,
        Abi::ERROR_JOURNAL => Exception\JournalException::class,
        Abi::ERROR_IN_PROGRESS => Exception\InProgressException::class,
        Abi::ERROR_IN_DOUBT => Exception\InDoubtException::class,
    ];

    /** The code of an exception for a code that Abi does not have. */
    private const UNRECOGNIZED = -1;

    private function __construct()
    {
    }

    /** The exception for a journal in the shop's database. */
    public static function journal(
        string $message,
        string $outcome,
        ?string $orderNumber = null,
        ?\Throwable $cause = null
    ): Exception\JournalException {
        return new Exception\JournalException(
            $message,
            Abi::ERROR_JOURNAL,
            $outcome,
            'journal',
            null,
            null,
            null,
            $cause,
            $orderNumber
        );
    }

    /**
     * Creates the exception for an error in JSON.
     *
     * @param array<string, mixed> $error as the argument of create(); its code is a name
     */
    public static function fromJson(array $error): Exception\FlexPayException
    {
        $code = Abi::class . '::ERROR_' . $error['code'];
        // A newer program may have a code that this package does not know.
        $error['code'] = defined($code) ? constant($code) : self::UNRECOGNIZED;

        return self::create($error);
    }

    /**
     * @param array{
     *     code: int,
     *     message: string,
     *     outcome: string,
     *     field?: string|null,
     *     http_status?: int,
     *     gateway_code?: string|null,
     *     gateway_message?: string|null,
     *     order_number?: string|null,
     *     trace?: string|null,
     * } $details
     */
    public static function create(array $details): Exception\FlexPayException
    {
        $class = self::CLASSES[$details['code']] ?? Exception\UnrecognizedException::class;
        $status = $details['http_status'] ?? 0;

        return new $class(
            $details['message'],
            $details['code'],
            $details['outcome'],
            $details['field'] ?? null,
            $status === 0 ? null : $status,
            $details['gateway_code'] ?? null,
            $details['gateway_message'] ?? null,
            null,
            $details['order_number'] ?? null,
            $details['trace'] ?? null
        );
    }
}
