<?php

declare(strict_types=1);

namespace FlexPay\Tests\Support;

/** A minimal HTTP client. */
final class Http
{
    /**
     * @return array{int, string} status and body of the response
     */
    public static function send(
        string $method,
        string $url,
        string $body = '',
        string $type = 'application/json'
    ): array {
        $context = stream_context_create(['http' => [
            'method' => $method,
            'header' => "Content-Type: $type\r\nConnection: close",
            'content' => $body,
            'ignore_errors' => true,
            'follow_location' => 0,
            'timeout' => 30,
        ]]);
        $response = file_get_contents($url, false, $context);
        if ($response === false || !isset($http_response_header[0])) {
            throw new \RuntimeException("$method $url: no response");
        }

        return [(int) substr($http_response_header[0], 9, 3), $response];
    }

    /** A port that no program listens on. */
    public static function freePort(): int
    {
        $socket = stream_socket_server('tcp://127.0.0.1:0');
        if ($socket === false) {
            throw new \RuntimeException('no free port');
        }
        $name = (string) stream_socket_get_name($socket, false);
        fclose($socket);

        return (int) substr($name, strlen('127.0.0.1:'));
    }

    public static function isListening(string $address): bool
    {
        $connection = @stream_socket_client($address, $code, $message, 1.0);
        if ($connection === false) {
            return false;
        }
        fclose($connection);

        return true;
    }
}
