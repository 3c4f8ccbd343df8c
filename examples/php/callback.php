<?php

/**
 * Receives the gateway's callbacks about payments by card and by mobile money. It trusts none of them: it
 * verifies each one with the gateway, compares the reply with what this shop recorded, and records the
 * state, whatever it is.
 *
 * Responses: 200 if the callback was processed, 400 if it is not a callback or not about this
 * payment, 404 if the attempt is unknown, 503 if it could not be verified.
 *
 * The gateway does not document that it ever posts a callback again, after a 503 or otherwise:
 * sweep.php checks the payments that stay open.
 *
 * The settings are those of pay.php and mobile.php. With FLEXPAY_CALLBACK_SECRET set for both, callback URLs are
 * signed, and forged callbacks are refused without a check.
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
    respond(405, 'POST only');
}
$body = (string) file_get_contents('php://input');
$query = is_string($_SERVER['QUERY_STRING'] ?? null) ? $_SERVER['QUERY_STRING'] : '';
$database = database();
$attempt = null;
try {
    // Find the attempt with the callback's fields, which are not verified yet: this decides nothing.
    // Try the recorded order number first; the gateway has been seen to put it into the reference.
    $callback = Callback::parse($body);
    foreach (
        [
            ['order_number', $callback->getOrderNumber()],
            ['order_number', $callback->getReference()],
            ['reference', $callback->getReference()],
        ] as [$column, $value]
    ) {
        $attempt = $attempt ?? rows($database, SELECT_ATTEMPTS . " WHERE $column = ?", [$value])[0] ?? null;
    }
    if ($attempt === null) {
        respond(404, 'no such payment');
    }
    $transaction = Client::fromEnvironment()->verifyCallback($body, expected($attempt, $query));
    record($database, (string) $attempt['reference'], $transaction);
} catch (CallbackException $e) {
    respond(400, 'not a callback');
} catch (MismatchException $e) {
    error_log('flexpay: callback refused for ' . ($attempt['reference'] ?? '?') . ': ' . $e->getMessage());
    respond(400, 'not this payment');
} catch (FlexPayException $e) {
    error_log('flexpay: callback not verified for ' . ($attempt['reference'] ?? '?') . ': ' . $e->getMessage());
    respond(503, 'cannot be verified now');
}
respond(200, 'thank you');
