<?php

/**
 * Redirects a customer to the card page: POST order=INVOICE-0017.
 *
 * An order has as many attempts as the customer needs, one at a time, each with its own reference. They are in
 * the journal: a second click, a reload or a crash never sends one twice. After a failed or cancelled payment,
 * the customer submits the same form again.
 *
 * Settings come from the environment: FLEXPAY_MERCHANT, FLEXPAY_TOKEN, FLEXPAY_API=v1.1, and the
 * shop's own SHOP_URL ("https://shop.example") and SHOP_DATABASE (a SQLite file, see schema.sql). With
 * FLEXPAY_CALLBACK_SECRET the callback URL is signed. FLEXPAY_JOURNAL must not be set: the journal is in the
 * shop's database. To try it, in the project's directory and with the sandbox's settings in the environment:
 *
 *     cat examples/php/schema.sql bindings/php/sql/journal-sqlite.sql | sqlite3 /tmp/shop.sqlite
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

use FlexPay\Exception\FlexPayException;
use FlexPay\Exception\InProgressException;
use FlexPay\Exception\InvalidArgumentException;
use FlexPay\Expected;
use FlexPay\PaymentRequest;

ini_set('display_errors', '0');

const MESSAGE_PAID = 'This order is paid. Thank you!';
const MESSAGE_UNAVAILABLE = 'Card payments are unavailable. Nothing was charged. Please choose another payment method.';
const MESSAGE_IN_PROGRESS = 'A payment of this order is in progress. Please wait a moment, then reload.';
const MESSAGE_UNKNOWN = 'We cannot confirm your payment yet. Please do not pay again: we will contact you.';

$id = is_string($_POST['order'] ?? null) ? $_POST['order'] : '';
$database = database();
$order = order($database, $id);
if ($order === null) {
    respond(404, 'This order does not exist.');
}
if ($order['paid_by'] !== null) {
    respond(409, MESSAGE_PAID);
}

$shop = (string) getenv('SHOP_URL');
$reference = $id;
$journal = null;
try {
    $journal = journal($database);
    settleAttempt($database, $journal, $id);
    [$reference, $attempt] = attempt($journal, $id);
    if ($attempt !== null && $attempt->isPaid()) {
        respond(409, MESSAGE_PAID);
    }
    $open = $attempt !== null && mayHaveArrived($attempt) ? $attempt : null;
    if ($open !== null && $open->getKind() !== Expected::KIND_CARD) {
        header('Location: mobile.php?order=' . rawurlencode($id), true, 303); // it shows that attempt
        exit;
    }
    // A payment that the journal has is not sent again: the customer goes to the same card page. It keeps its
    // amount, even if the order has another one now.
    $amount = $open === null ? (string) $order['amount'] : $open->getAmount();
    $currency = $open === null ? (string) $order['currency'] : $open->getCurrency();
    $payment = $journal->pay(
        new PaymentRequest($reference, $amount, $currency, [
            'callback_url' => "$shop/callback.php",
            'approve_url' => "$shop/thanks",
            'cancel_url' => "$shop/cart",
            'decline_url' => "$shop/declined",
        ])
    );
} catch (InProgressException $e) {
    respond(409, MESSAGE_IN_PROGRESS);
} catch (FlexPayException $e) {
    $outcome = $e->getOutcome();
    error_log("flexpay: $reference: $outcome: " . $e->getMessage());
    if ($outcome === FlexPayException::OUTCOME_UNKNOWN) {
        respond(503, MESSAGE_UNKNOWN);
    }
    if ($outcome === FlexPayException::OUTCOME_REFUSED) {
        respond(502, 'The payment service refused the payment. Nothing was charged. We will look into it.');
    }
    // Of two requests at the same time, the other one came first, by phone or with another amount.
    if ($e instanceof InvalidArgumentException && $journal !== null && isOpen($journal, $reference)) {
        respond(409, MESSAGE_IN_PROGRESS);
    }
    // A retry does not fix the installation or the settings.
    if ($outcome === FlexPayException::OUTCOME_UNUSABLE || $e instanceof InvalidArgumentException) {
        respond(503, MESSAGE_UNAVAILABLE);
    }
    respond(503, 'The card page cannot be reached. Nothing was charged. Please try again.');
}
$payment->sendToBrowser();
