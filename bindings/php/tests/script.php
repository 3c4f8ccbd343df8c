<?php

/**
 * For the scripts of ProgramTest, which run in a PHP of their own: loads the package, and defines what most
 * of them use. SANDBOX_OPTIONS has the options of a client as JSON.
 */

declare(strict_types=1);

use FlexPay\Client;
use FlexPay\Exception\FlexPayException;
use FlexPay\MobileRequest;
use FlexPay\Payment;
use FlexPay\PaymentRequest;
use FlexPay\PayoutRequest;
use FlexPay\Transaction;

require __DIR__ . '/../autoload.php';

/** @param array<string, mixed> $options */
function client(array $options = []): Client
{
    return new Client($options + json_decode((string) getenv('SANDBOX_OPTIONS'), true) + ['allow_payout' => true]);
}

function card(string $reference, string $description = ''): PaymentRequest
{
    return new PaymentRequest($reference, '25.50', 'USD', [
        'description' => $description,
        'callback_url' => 'http://127.0.0.1:9/callback',
        'approve_url' => 'https://shop.example/ok',
        'cancel_url' => 'https://shop.example/cancel',
        'decline_url' => 'https://shop.example/no',
    ]);
}

function mobile(string $reference): MobileRequest
{
    return new MobileRequest($reference, '575', 'CDF', '0812345678', 'http://127.0.0.1:9/callback');
}

function payout(string $reference): PayoutRequest
{
    return new PayoutRequest($reference, '5', 'USD', '0812345678', 'http://127.0.0.1:9/callback');
}

/** Makes a call, and prints its result on one line. */
function attempt(callable $call): void
{
    try {
        $result = $call();
        if ($result instanceof Payment) {
            $result = 'accepted';
        } elseif ($result instanceof Transaction) {
            $result = $result->getState();
        }
        echo $result, "\n";
    } catch (FlexPayException $e) {
        $name = (new ReflectionClass($e))->getShortName();
        echo $name, ' ', $e->getOutcome(), ' ', strtr($e->getMessage(), "\n", ' '), "\n";
    }
}

/** @return list<int> the programs that this PHP has started and that run */
function programs(): array
{
    $found = [];
    foreach (glob('/proc/[0-9]*/stat') ?: [] as $file) {
        $status = (string) @file_get_contents($file);
        if ($status === '') {
            continue; // it has ended meanwhile
        }
        $fields = explode(' ', substr($status, (int) strrpos($status, ')') + 2));
        $isBridge = strpos((string) @file_get_contents(dirname($file) . '/cmdline'), "\0bridge\0") !== false;
        if ($isBridge && $fields[0] !== 'Z' && (int) $fields[1] === getmypid()) {
            $found[] = (int) basename(dirname($file));
        }
    }

    return $found;
}

/** @return list<string> those of the open files that are sockets of the network */
function networkSockets(array $files): array
{
    $known = '';
    foreach (['tcp', 'tcp6', 'udp', 'udp6'] as $protocol) {
        $known .= (string) @file_get_contents("/proc/net/$protocol");
    }

    return array_filter($files, static function (string $file) use ($known) {
        return preg_match('/^socket:\[(\d+)]$/', $file, $match) === 1 && strpos($known, " $match[1] ") !== false;
    });
}

/** @return list<string> what a process has open: "pipe:[123]", "socket:[123]", "/path" */
function openFiles(int $pid): array
{
    // The directory itself was open, and is closed again.
    return array_filter(array_map(static function (string $file) {
        return @readlink($file);
    }, glob("/proc/$pid/fd/*") ?: []));
}
