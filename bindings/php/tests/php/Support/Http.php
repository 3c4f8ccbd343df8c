<?php

declare(strict_types=1);

namespace FlexPay\Tests\Support;

/** Requests, as plain as they come. */
final class Http
{
    /**
     * @return array{int, string} status and body
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
        $answer = file_get_contents($url, false, $context);
        if ($answer === false || !isset($http_response_header[0])) {
            throw new \RuntimeException("$method $url brought no answer");
        }

        return [(int) substr($http_response_header[0], 9, 3), $answer];
    }

    /** A port that nobody listens on. */
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

    public static function accepts(string $address): bool
    {
        $connection = @stream_socket_client($address, $number, $words, 1.0);
        if ($connection === false) {
            return false;
        }
        fclose($connection);

        return true;
    }
}
