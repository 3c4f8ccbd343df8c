<?php

/** Pays and checks. Prints the transport, the path of the library or the program, and the worker's process ID. */

declare(strict_types=1);

require_once __DIR__ . '/../../autoload.php';

use FlexPay\Callback;
use FlexPay\Client;
use FlexPay\Exception\FlexPayException;
use FlexPay\Internal\Transports;
use FlexPay\PaymentRequest;

header('Content-Type: application/json');
try {
    $client = Client::fromEnvironment();
    $payment = $client->pay(new PaymentRequest('fpm-' . bin2hex(random_bytes(6)), '25.50', 'USD', [
        'callback_url' => 'http://127.0.0.1:9/',
        'approve_url' => 'https://shop.example/ok',
        'cancel_url' => 'https://shop.example/cancel',
        'decline_url' => 'https://shop.example/no',
    ]));
    try {
        Callback::parse('x');
        $refused = null;
    } catch (FlexPayException $e) {
        $refused = $e->getCodeName();
    }
    echo json_encode([
        'worker' => getmypid(),
        'sapi' => PHP_SAPI,
        'transport' => basename(str_replace('\\', '/', get_class(Transports::current()))),
        'path' => Transports::current()->__debugInfo()['path'],
        'state' => $client->check((string) $payment->getOrderNumber())->getState(),
        'refused' => $refused,
    ]);
} catch (FlexPayException $e) {
    http_response_code(500);
    echo json_encode(['class' => get_class($e), 'message' => $e->getMessage()]);
}
