<?php

/**
 * Takes a customer to the card page: POST order=INVOICE-0017.
 *
 * An order has as many attempts as the customer needs, each under a reference of its own, one at a
 * time. After a payment that failed or was cancelled the customer simply comes here again.
 *
 * Settings come from the environment: FLEXPAY_MERCHANT, FLEXPAY_TOKEN, FLEXPAY_API=v1.1, and the
 * shop's own SHOP_URL ("https://shop.example") and SHOP_DATABASE (a SQLite file, see schema.sql). With
 * FLEXPAY_CALLBACK_SECRET the callback address is signed. To try it out, in the project's folder and
 * with the sandbox's settings taken over:
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
use FlexPay\PaymentRequest;
use FlexPay\Transaction;

ini_set('display_errors', '0');

const NOT_HERE = 'Card payments do not work here at the moment. Nothing was charged. Please choose another way to pay.';
const NOT_KNOWN = 'We cannot tell whether your payment was taken in. Please do not pay again: we will write to you.';

/**
 * @param array<string, string|null> $attempt
 *
 * @return never
 */
function leadBack(array $attempt): void
{
    if ($attempt['page_url'] === null) {
        answer(409, 'This payment was asked for already. ' . NOT_KNOWN);
    }
    header('Location: ' . $attempt['page_url'], true, 303); // the same payment: it cannot be paid twice
    exit;
}

$id = is_string($_POST['order'] ?? null) ? $_POST['order'] : '';
$database = database();
$order = rows($database, 'SELECT * FROM orders WHERE id = ?', [$id])[0] ?? null;
if ($order === null) {
    answer(404, 'There is no such order to pay.');
}

// What became of the attempt before this one?
$open = rows($database, ATTEMPTS . " WHERE order_id = ? AND state IN ('UNKNOWN', 'PENDING')", [$id])[0] ?? null;
if ($open !== null) {
    if ($open['order_number'] === null) {
        leadBack($open);
    }
    try {
        $state = verify($database, Client::fromEnvironment(), $open);
    } catch (FlexPayException $e) {
        error_log('flexpay: ' . (string) $open['reference'] . ' not verified: ' . $e->getMessage());
        leadBack($open);
    }
    if ($state === Transaction::STATE_PENDING || $state === Transaction::STATE_UNKNOWN) {
        leadBack($open);
    }
    $order = rows($database, 'SELECT * FROM orders WHERE id = ?', [$id])[0];
}
if ($order['paid_by'] !== null) {
    answer(409, 'This order is paid. Thank you!');
}

// The attempt is written down BEFORE anything is sent.
$before = (int) rows($database, 'SELECT count(*) AS n FROM attempts WHERE order_id = ?', [$id])[0]['n'];
$reference = $id . '-' . (string) ($before + 1);
try {
    run($database, 'INSERT INTO attempts (reference, order_id) VALUES (?, ?)', [$reference, $id]);
} catch (PDOException $e) {
    answer(409, 'This payment is being asked for. Please wait a moment, then reload.');
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
    error_log("flexpay: $reference: " . $e->getOutcome() . ': ' . $e->getMessage());
    $outcome = $e->getOutcome();
    if ($outcome === FlexPayException::OUTCOME_UNKNOWN) {
        // It stays open: nobody knows yet. The callback will say, or sweep.php, or the merchant's console.
        run(
            $database,
            'UPDATE attempts SET order_number = coalesce(order_number, ?), why = ? WHERE reference = ?',
            [$e->getOrderNumber(), $e->getMessage(), $reference]
        );
        answer(503, NOT_KNOWN);
    }
    run(
        $database,
        "UPDATE attempts SET state = 'FAILED', why = ? WHERE reference = ? AND state = 'PENDING'",
        [$e->getMessage(), $reference]
    );
    if ($outcome === FlexPayException::OUTCOME_REFUSED) {
        answer(502, 'The payment service said no. Nothing was charged. We will look into it.');
    }
    // To try again mends neither the installation nor the settings.
    if ($outcome === FlexPayException::OUTCOME_UNUSABLE || $e instanceof InvalidArgumentException) {
        answer(503, NOT_HERE);
    }
    answer(503, 'The card page cannot be reached. Nothing was charged. Please try again.');
}

// The API v1 gives no number: then the callback brings it.
run(
    $database,
    'UPDATE attempts SET order_number = coalesce(order_number, ?), page_url = ? WHERE reference = ?',
    [$payment->getOrderNumber(), $payment->getRedirectUrl(), $reference]
);
$payment->sendToBrowser();
