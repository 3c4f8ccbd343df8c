<?php

/**
 * Redirects a customer to the card page: POST order=INVOICE-0017.
 *
 * An order has as many attempts as the customer needs, one at a time, each with its own reference.
 * After a failed or cancelled payment, the customer submits the same form again.
 *
 * Settings come from the environment: FLEXPAY_MERCHANT, FLEXPAY_TOKEN, FLEXPAY_API=v1.1, and the
 * shop's own SHOP_URL ("https://shop.example") and SHOP_DATABASE (a SQLite file, see schema.sql). With
 * FLEXPAY_CALLBACK_SECRET the callback URL is signed. To try it, in the project's directory and with
 * the sandbox's settings in the environment:
 *
 *     sqlite3 /tmp/shop.sqlite < examples/php/schema.sql
 *     sqlite3 /tmp/shop.sqlite "INSERT INTO orders (id, amount, currency) VALUES ('INVOICE-0017', '25.50', 'USD')"
 *     SHOP_URL=http://127.0.0.1:8080 SHOP_DATABASE=/tmp/shop.sqlite \
 *         php -d ffi.enable=true -S 127.0.0.1:8080 -t examples/php
 *
 * and in another terminal
 *
 *     curl -i -d order=INVOICE-0017 http://127.0.0.1:8080/pay.php
 */

declare(strict_types=1);

require __DIR__ . '/shop.php';

use FlexPay\Client;
use FlexPay\Exception\FlexPayException;
use FlexPay\Exception\InvalidArgumentException;
use FlexPay\Expected;
use FlexPay\PaymentRequest;
use FlexPay\Transaction;

ini_set('display_errors', '0');

const MESSAGE_UNAVAILABLE = 'Card payments are unavailable. Nothing was charged. Please choose another payment method.';
const MESSAGE_UNKNOWN = 'We cannot confirm your payment yet. Please do not pay again: we will contact you.';

/**
 * @param array<string, string|null> $attempt
 *
 * @return never
 */
function redirectToCardPage(array $attempt): void
{
    if ($attempt['page_url'] === null) {
        respond(409, 'This payment was already requested. ' . MESSAGE_UNKNOWN);
    }
    header('Location: ' . $attempt['page_url'], true, 303); // the same payment, which cannot be paid twice
    exit;
}

$id = is_string($_POST['order'] ?? null) ? $_POST['order'] : '';
$database = database();
$order = rows($database, 'SELECT * FROM orders WHERE id = ?', [$id])[0] ?? null;
if ($order === null) {
    respond(404, 'This order does not exist.');
}

// Check the open attempt, if there is one.
$open = openAttempt($database, $id);
if ($open !== null && $open['kind'] !== Expected::KIND_CARD) {
    header('Location: mobile.php?order=' . rawurlencode($id), true, 303); // it shows that attempt
    exit;
}
if ($open !== null) {
    if ($open['order_number'] === null) {
        redirectToCardPage($open);
    }
    try {
        $state = verify($database, Client::fromEnvironment(), $open);
    } catch (FlexPayException $e) {
        error_log('flexpay: ' . (string) $open['reference'] . ' not verified: ' . $e->getMessage());
        redirectToCardPage($open);
    }
    if ($state === Transaction::STATE_PENDING || $state === Transaction::STATE_UNKNOWN) {
        redirectToCardPage($open);
    }
    $order = rows($database, 'SELECT * FROM orders WHERE id = ?', [$id])[0];
}
if ($order['paid_by'] !== null) {
    respond(409, 'This order is paid. Thank you!');
}

$reference = newAttempt($database, $id, Expected::KIND_CARD);
if ($reference === null) {
    respond(409, 'This payment is in progress. Please wait a moment, then reload.');
}

$shop = (string) getenv('SHOP_URL');
try {
    $payment = Client::fromEnvironment()->pay(
        new PaymentRequest($reference, (string) $order['amount'], (string) $order['currency'], [
            'callback_url' => "$shop/callback.php",
            'approve_url' => "$shop/thanks",
            'cancel_url' => "$shop/cart",
            'decline_url' => "$shop/declined",
        ])
    );
} catch (FlexPayException $e) {
    recordFailure($database, $reference, $e);
    $outcome = $e->getOutcome();
    if ($outcome === FlexPayException::OUTCOME_UNKNOWN) {
        respond(503, MESSAGE_UNKNOWN);
    }
    if ($outcome === FlexPayException::OUTCOME_REFUSED) {
        respond(502, 'The payment service refused the payment. Nothing was charged. We will look into it.');
    }
    // A retry does not fix the installation or the settings.
    if ($outcome === FlexPayException::OUTCOME_UNUSABLE || $e instanceof InvalidArgumentException) {
        respond(503, MESSAGE_UNAVAILABLE);
    }
    respond(503, 'The card page cannot be reached. Nothing was charged. Please try again.');
}

// With the API v1 the order number is null; the callback contains it.
run(
    $database,
    'UPDATE attempts SET order_number = coalesce(order_number, ?), page_url = ? WHERE reference = ?',
    [$payment->getOrderNumber(), $payment->getRedirectUrl(), $reference]
);
$payment->sendToBrowser();
