<?php

/**
 * Makes one call: checks the order in the query or, without one, pays. With "times" in the query, it checks
 * that often. Prints the worker's process ID.
 */

declare(strict_types=1);

require_once __DIR__ . '/../../autoload.php';

use FlexPay\Client;
use FlexPay\PaymentRequest;

$client = Client::fromEnvironment();
if (isset($_GET['order'])) {
    for ($n = 0; $n < (int) ($_GET['times'] ?? 1); $n++) {
        $client->check($_GET['order']);
    }
} else {
    $client->pay(new PaymentRequest('fpm-' . bin2hex(random_bytes(6)), '25.50', 'USD', [
        'callback_url' => 'http://127.0.0.1:9/',
        'approve_url' => 'https://shop.example/ok',
        'cancel_url' => 'https://shop.example/cancel',
        'decline_url' => 'https://shop.example/no',
    ]));
}
echo getmypid();
