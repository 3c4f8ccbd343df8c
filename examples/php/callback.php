<?php

/**
 * Receives the gateway's callbacks about payments by card and by mobile money. It trusts none of them: the journal
 * finds the attempt, asks the gateway about it, compares the reply with what was requested, and records the state,
 * whatever it is.
 *
 * Responses: 200 if the callback was processed, 400 if it is not a callback or not about this
 * payment, 404 if the attempt is unknown, 503 if it could not be verified.
 *
 * The gateway does not document that it ever posts a callback again, after a 503 or otherwise:
 * sweep.php asks about the payments that stay open.
 *
 * The settings are those of pay.php and mobile.php. With FLEXPAY_CALLBACK_SECRET set for both, callback URLs are
 * signed, and forged callbacks are refused without a check.
 */

declare(strict_types=1);

require __DIR__ . '/shop.php';

use FlexPay\Exception\CallbackException;
use FlexPay\Exception\FlexPayException;
use FlexPay\Exception\InvalidArgumentException;
use FlexPay\Exception\MismatchException;

ini_set('display_errors', '0');

if (($_SERVER['REQUEST_METHOD'] ?? '') !== 'POST') {
    header('Allow: POST');
    respond(405, 'POST only');
}
$body = (string) file_get_contents('php://input');
$query = is_string($_SERVER['QUERY_STRING'] ?? null) ? $_SERVER['QUERY_STRING'] : '';
$database = database();
try {
    $journal = journal($database);
    deliver($database, $journal, $journal->settleCallback($body, $query));
} catch (CallbackException $e) {
    respond(400, 'not a callback');
} catch (MismatchException $e) {
    error_log('flexpay: callback refused: ' . $e->getMessage());
    respond(400, 'not this payment');
} catch (FlexPayException $e) {
    if ($e instanceof InvalidArgumentException && $e->getField() === 'reference') {
        error_log('flexpay: callback of an unknown payment');
        respond(404, 'no such payment');
    }
    error_log('flexpay: callback not verified: ' . $e->getMessage());
    respond(503, 'cannot be verified now');
}
respond(200, 'thank you');
