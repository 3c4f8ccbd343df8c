<?php

/**
 * Takes the gateway's notices. It believes none of them: each is verified with the gateway, against
 * what this shop recorded, and what the gateway says is written down, whatever it is.
 *
 * Answers: 200 when the notice was dealt with, 400 when it is no notice of ours, 404 when it is
 * about no attempt of ours, 503 when the gateway could not be asked.
 *
 * The gateway promises nowhere that it posts a notice again, after a 503 or at all: sweep.php asks
 * about what stays open.
 *
 * The settings are those of pay.php. With FLEXPAY_CALLBACK_SECRET set for both, callback addresses
 * are signed, and forged notices are refused without asking the gateway.
 */

declare(strict_types=1);

require __DIR__ . '/shop.php';

use FlexPay\Callback;
use FlexPay\Client;
use FlexPay\Exception\CallbackException;
use FlexPay\Exception\FlexPayException;
use FlexPay\Exception\MismatchException;

ini_set('display_errors', '0');

if (($_SERVER['REQUEST_METHOD'] ?? '') !== 'POST') {
    header('Allow: POST');
    answer(405, 'POST only');
}
$body = (string) file_get_contents('php://input');
$query = is_string($_SERVER['QUERY_STRING'] ?? null) ? $_SERVER['QUERY_STRING'] : '';
$database = database();
$attempt = null;
try {
    // Which attempt? The notice may say so, for this decides nothing. The number that this shop recorded
    // comes first; the gateway has been seen to write it where the reference belongs.
    $callback = Callback::parse($body);
    foreach (
        [
            ['order_number', $callback->getOrderNumber()],
            ['order_number', $callback->getReference()],
            ['reference', $callback->getReference()],
        ] as [$by, $value]
    ) {
        $attempt = $attempt ?? rows(
            $database,
            "SELECT attempts.*, amount, currency FROM attempts JOIN orders ON orders.id = order_id WHERE $by = ?",
            [$value]
        )[0] ?? null;
    }
    if ($attempt === null) {
        answer(404, 'no such payment');
    }
    $transaction = Client::fromEnvironment()->verifyCallback($body, expected($attempt, $query));
    record($database, (string) $attempt['reference'], $transaction);
} catch (CallbackException $e) {
    answer(400, 'not a notice');
} catch (MismatchException $e) {
    error_log('flexpay: notice refused for ' . ($attempt['reference'] ?? '?') . ': ' . $e->getMessage());
    answer(400, 'not this payment');
} catch (FlexPayException $e) {
    error_log('flexpay: notice not verified for ' . ($attempt['reference'] ?? '?') . ': ' . $e->getMessage());
    answer(503, 'cannot be verified now');
}
answer(200, 'thank you');
