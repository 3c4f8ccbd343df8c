<?php

/**
 * Takes a customer to the card page: POST reference=INVOICE-0017.
 *
 * Settings come from the environment: FLEXPAY_MERCHANT, FLEXPAY_TOKEN, FLEXPAY_API=v1.1, and the
 * shop's own SHOP_URL ("https://shop.example") and SHOP_DATABASE (a SQLite file, see schema.sql).
 */

declare(strict_types=1);

require __DIR__ . '/../../bindings/php/autoload.php'; // with Composer: vendor/autoload.php

use FlexPay\Client;
use FlexPay\Exception\FlexPayException;
use FlexPay\PaymentRequest;

ini_set('display_errors', '0');
header('Content-Type: text/plain; charset=utf-8');

/** Answers, and ends. */
function answer(int $status, string $words): void
{
    http_response_code($status);
    exit($words . "\n");
}

$unknown = 'We cannot tell whether your payment was taken in. Please do not pay again: we will write to you.';
$database = new PDO('sqlite:' . getenv('SHOP_DATABASE'), null, null, [
    PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION,
    PDO::ATTR_TIMEOUT => 5,
]);
$find = $database->prepare('SELECT * FROM orders WHERE reference = ?');
$find->execute([$_POST['reference'] ?? '']);
$order = $find->fetch(PDO::FETCH_ASSOC);
$find->closeCursor(); // or the row stays locked while the gateway is asked
if ($order === false) {
    answer(404, 'There is no such order to pay.');
}

// The order is claimed BEFORE anything is sent: of two clicks, and of every reload, one gets through.
$claim = $database->prepare("UPDATE orders SET state = 'asked' WHERE reference = ? AND state = 'new'");
$claim->execute([$order['reference']]);
if ($claim->rowCount() !== 1) {
    answer(409, 'This payment was asked for already. Please do not pay again: if it is not settled, write to us.');
}

$shop = getenv('SHOP_URL');
try {
    $payment = Client::fromEnvironment()->pay(
        new PaymentRequest($order['reference'], $order['amount'], $order['currency'], [
            'callback_url' => "$shop/callback.php",
            'approve_url' => "$shop/thanks",
            'cancel_url' => "$shop/cart",
            'decline_url' => "$shop/declined",
        ])
    );
} catch (FlexPayException $e) {
    error_log('flexpay: ' . $order['reference'] . ': ' . $e->getOutcome() . ': ' . $e->getMessage());
    $then = $database->prepare("UPDATE orders SET state = ? WHERE reference = ? AND state = 'asked'");
    if ($e->getOutcome() === FlexPayException::OUTCOME_NOT_SENT) {
        $then->execute(['new', $order['reference']]); // nothing left this machine: it may be sent again
        answer(503, 'The card page cannot be reached. Nothing was charged. Please try again.');
    }
    if ($e->getOutcome() === FlexPayException::OUTCOME_REFUSED) {
        $then->execute(['refused', $order['reference']]); // whoever mends the cause sets it to 'new'
        answer(502, 'The payment service said no. Nothing was charged. We will look into it.');
    }
    // It stays 'asked': nobody knows yet. The callback will say, or the merchant's console.
    answer(503, $unknown);
}

// The API v1 gives no number: then the callback brings it, and the order stays 'asked' all the same.
$database->prepare('UPDATE orders SET order_number = ? WHERE reference = ? AND order_number IS NULL')
    ->execute([$payment->getOrderNumber(), $order['reference']]);
$payment->sendToBrowser();
