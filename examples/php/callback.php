<?php

/**
 * Takes the gateway's notices. It believes none of them: each is verified with the gateway, against
 * what this shop recorded.
 *
 * Answers: 200 when the notice was dealt with, 400 when it is no notice of ours, 404 when it is
 * about no order of ours, 503 when the gateway could not be asked.
 *
 * The gateway promises nowhere that it posts a notice again, after a 503 or at all. So a cron line
 * should ask about what stays open: for each order that is 'asked' and has an order number,
 * Client::verifyOrder() with the Expected below, and then the UPDATE where it isPaid(). Orders
 * without a number are looked up in the merchant's console.
 *
 * The settings are those of pay.php. With FLEXPAY_CALLBACK_SECRET set for both, callback addresses
 * are signed, and forged notices are refused without asking the gateway.
 */

declare(strict_types=1);

require __DIR__ . '/../../bindings/php/autoload.php'; // with Composer: vendor/autoload.php

use FlexPay\Callback;
use FlexPay\Client;
use FlexPay\Exception\CallbackException;
use FlexPay\Exception\FlexPayException;
use FlexPay\Exception\MismatchException;
use FlexPay\Expected;

ini_set('display_errors', '0');
header('Content-Type: text/plain; charset=utf-8');

/** Answers, and says nothing that a stranger may not hear. */
function answer(int $status, string $words): void
{
    http_response_code($status);
    exit($words . "\n");
}

if ($_SERVER['REQUEST_METHOD'] !== 'POST') {
    header('Allow: POST');
    answer(405, 'POST only');
}

// Which order? The callback may say so, for this decides nothing.
$body = (string) file_get_contents('php://input');
try {
    $callback = Callback::parse($body);
} catch (CallbackException $e) {
    answer(400, 'not a notice');
}
$database = new PDO('sqlite:' . getenv('SHOP_DATABASE'), null, null, [
    PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION,
    PDO::ATTR_TIMEOUT => 5,
]);
$order = false;
// The number that this shop recorded comes first; a reference only where no order has that number.
foreach (['order_number' => $callback->getOrderNumber(), 'reference' => $callback->getReference()] as $by => $value) {
    if ($order === false && $value !== null) {
        $find = $database->prepare("SELECT * FROM orders WHERE $by = ?");
        $find->execute([$value]);
        $order = $find->fetch(PDO::FETCH_ASSOC);
        $find->closeCursor(); // or the row stays locked while the gateway is asked
    }
}
if ($order === false) {
    answer(404, 'no such order');
}

// Is it paid? The gateway says so, and only of what this shop asked for.
$expected = new Expected(
    $order['reference'],
    $order['amount'],
    $order['currency'],
    $order['order_number'],
    $_SERVER['QUERY_STRING'] ?? ''
);
try {
    $transaction = Client::fromEnvironment()->verifyCallback($body, $expected);
} catch (MismatchException $e) {
    error_log('flexpay: notice refused for ' . $order['reference'] . ': ' . $e->getMessage());
    answer(400, 'not this order');
} catch (FlexPayException $e) {
    error_log('flexpay: ' . $order['reference'] . ' not verified: ' . $e->getMessage());
    answer(503, 'cannot be verified now');
}

if ($transaction->isPaid()) {
    // Notices come twice, at the same time, and late. One of them changes the row, and only from a
    // state that comes before 'paid': what is shipped or refunded stays so.
    $pay = $database->prepare(
        "UPDATE orders SET state = 'paid', paid_at = datetime('now')"
        . " WHERE reference = ? AND state IN ('new', 'asked', 'refused', 'failed', 'cancelled')"
    );
    $pay->execute([$order['reference']]);
    if ($pay->rowCount() === 1) {
        error_log('flexpay: ' . $order['reference'] . ' is paid'); // here the goods go out, once
    }
}
answer(200, 'thank you');
