<?php

/**
 * Takes a customer to the card page: POST reference=INVOICE-0017.
 *
 * Settings come from the environment: FLEXPAY_MERCHANT, FLEXPAY_TOKEN, FLEXPAY_API=v1.1, and the
 * shop's own SHOP_URL ("https://shop.example") and SHOP_DATABASE (a SQLite file, see schema.sql).
 */

declare(strict_types=1);

require __DIR__ . '/../../bindings/php/autoload.php'; // with Composer: vendor/autoload.php

ini_set('display_errors', '0');
$database = new PDO('sqlite:' . getenv('SHOP_DATABASE'), null, null, [PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION]);
$find = $database->prepare("SELECT * FROM orders WHERE reference = ? AND state = 'new' AND order_number IS NULL");
$find->execute([$_POST['reference'] ?? '']);
$order = $find->fetch(PDO::FETCH_ASSOC);
$find->closeCursor(); // or the row stays locked while the gateway is asked
if ($order === false) {
    http_response_code(404);
    exit("There is no such order to pay.\n");
}

$shop = getenv('SHOP_URL');
try {
    $client = FlexPay\Client::fromEnvironment();
    $payment = $client->pay(new FlexPay\PaymentRequest($order['reference'], $order['amount'], $order['currency'], [
        'callback_url' => "$shop/callback.php",
        'approve_url' => "$shop/thanks",
        'cancel_url' => "$shop/cart",
        'decline_url' => "$shop/declined",
    ]));
    $database->prepare('UPDATE orders SET order_number = ? WHERE reference = ?')
        ->execute([$payment->getOrderNumber(), $order['reference']]);
    header('Location: ' . $payment->getRedirectUrl(), true, 303);
} catch (FlexPay\Exception\FlexPayException $e) {
    error_log('flexpay: ' . $order['reference'] . ': ' . $e->getOutcome() . ': ' . $e->getMessage());
    http_response_code(503);
    // Only what was not sent may be sent again; of the rest nobody knows yet.
    exit($e->getOutcome() === FlexPay\Exception\FlexPayException::OUTCOME_NOT_SENT
        ? "The card page cannot be reached. Please try again.\n"
        : "We cannot tell whether your payment was taken in. Please do not pay again: we will write to you.\n");
}
