<?php

/**
 * Functions shared by pay.php, mobile.php, callback.php and sweep.php: the shop's database and its
 * updates.
 */

declare(strict_types=1);

require __DIR__ . '/../../bindings/php/autoload.php'; // with Composer: vendor/autoload.php

use FlexPay\Client;
use FlexPay\Exception\FlexPayException;
use FlexPay\Expected;
use FlexPay\Transaction;

function database(): PDO
{
    return new PDO('sqlite:' . (string) getenv('SHOP_DATABASE'), null, null, [
        PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION,
        PDO::ATTR_DEFAULT_FETCH_MODE => PDO::FETCH_ASSOC,
        PDO::ATTR_TIMEOUT => 5,
    ]);
}

/**
 * Runs a statement with these values for its ? placeholders.
 *
 * @param list<string|null> $values
 */
function run(PDO $database, string $sql, array $values = []): PDOStatement
{
    $statement = $database->prepare($sql);
    assert($statement !== false); // prepare() throws instead: ERRMODE_EXCEPTION
    $statement->execute($values);

    return $statement;
}

/**
 * Returns all rows of a query. It reads them all at once, so that they are not locked during a check.
 *
 * @param list<string|null> $values
 *
 * @return list<array<string, string|null>>
 */
function rows(PDO $database, string $sql, array $values = []): array
{
    /** @var list<array<string, string|null>> $rows */
    $rows = run($database, $sql, $values)->fetchAll();

    return $rows;
}

/**
 * Sends an HTTP response and exits. Anyone may read the text: put no secrets or details in it.
 *
 * @return never
 */
function respond(int $status, string $text): void
{
    http_response_code($status);
    header('Content-Type: text/plain; charset=utf-8');
    exit($text . "\n");
}

/** Selects attempts, with the amount and currency of their orders and their age in seconds. */
const SELECT_ATTEMPTS = "SELECT attempts.*, amount, currency, strftime('%s', 'now') - strftime('%s', created_at) AS age"
    . ' FROM attempts JOIN orders ON orders.id = order_id';

/**
 * The payment that the shop requested in an attempt.
 *
 * @param array<string, string|null> $attempt
 */
function expected(array $attempt, string $query = ''): Expected
{
    return new Expected(
        (string) $attempt['reference'],
        (string) $attempt['amount'],
        (string) $attempt['currency'],
        $attempt['order_number'],
        $query,
        (string) $attempt['kind']
    );
}

/**
 * The open attempt of an order, if there is one.
 *
 * @return array<string, string|null>|null
 */
function openAttempt(PDO $database, string $order): ?array
{
    $select = SELECT_ATTEMPTS . " WHERE order_id = ? AND state IN ('UNKNOWN', 'PENDING')";

    return rows($database, $select, [$order])[0] ?? null;
}

/**
 * Records a new attempt. Call it BEFORE the request is sent. Returns the attempt's reference; null if the
 * order has an open attempt, for example after a second click.
 *
 * @param string $kind one of Expected's KIND_ constants
 */
function newAttempt(PDO $database, string $order, string $kind): ?string
{
    $previous = (int) rows($database, 'SELECT count(*) AS n FROM attempts WHERE order_id = ?', [$order])[0]['n'];
    $reference = $order . '-' . (string) ($previous + 1);
    try {
        run(
            $database,
            'INSERT INTO attempts (reference, order_id, kind) VALUES (?, ?, ?)',
            [$reference, $order, $kind]
        );
    } catch (PDOException $e) {
        return null;
    }

    return $reference;
}

/**
 * Records that the request of an attempt failed. If the outcome is unknown, the attempt stays open until
 * its state is known: from the callback, sweep.php or the merchant's console.
 */
function recordFailure(PDO $database, string $reference, FlexPayException $e): void
{
    error_log("flexpay: $reference: " . $e->getOutcome() . ': ' . $e->getMessage());
    if ($e->getOutcome() === FlexPayException::OUTCOME_UNKNOWN) {
        run(
            $database,
            'UPDATE attempts SET order_number = coalesce(order_number, ?), error = ? WHERE reference = ?',
            [$e->getOrderNumber(), $e->getMessage(), $reference]
        );

        return;
    }
    run(
        $database,
        "UPDATE attempts SET state = 'FAILED', error = ? WHERE reference = ? AND state = 'PENDING'",
        [$e->getMessage(), $reference]
    );
}

/** A customer may still be typing, on the card page or on the phone, within this time after the request. */
const SECONDS_TO_PAY = 120;

/**
 * Checks an attempt with the gateway and records its state. Returns the state that is now recorded.
 *
 * The live gateway has been seen to report "failed" while the customer was still typing, and "paid"
 * afterwards: this function does not record such an early "failed" or "cancelled".
 *
 * @param array<string, string|null> $attempt
 *
 * @throws FlexPay\Exception\FlexPayException if the check failed: nothing is recorded
 */
function verify(PDO $database, Client $client, array $attempt): string
{
    $transaction = $client->verifyOrder(expected($attempt));
    $isFailure = in_array($transaction->getState(), [Transaction::STATE_FAILED, Transaction::STATE_CANCELLED], true);
    if ($isFailure && (int) $attempt['age'] < SECONDS_TO_PAY) {
        return (string) $attempt['state'];
    }

    return record($database, (string) $attempt['reference'], $transaction);
}

/**
 * Records the state of an attempt, unless a later state is already recorded. Returns the state that is
 * now recorded.
 *
 * Callbacks arrive twice, at the same time, and late. Everything is done in one database transaction,
 * so that each callback sees the changes of the others, and the goods are delivered once.
 */
function record(PDO $database, string $reference, Transaction $transaction): string
{
    $database->exec('BEGIN IMMEDIATE'); // in MySQL and PostgreSQL: SELECT … FOR UPDATE
    $recorded = (string) rows($database, 'SELECT state FROM attempts WHERE reference = ?', [$reference])[0]['state'];
    if (!$transaction->mayReplace($recorded)) {
        $database->exec('COMMIT');

        return $recorded;
    }
    run(
        $database,
        'UPDATE attempts SET state = ?, order_number = coalesce(order_number, ?) WHERE reference = ?',
        [$transaction->getState(), $transaction->getOrderNumber(), $reference]
    );
    $orderPaid = $transaction->isPaid() && run(
        $database,
        "UPDATE orders SET paid_by = ?, paid_at = datetime('now')"
        . ' WHERE paid_by IS NULL AND id = (SELECT order_id FROM attempts WHERE reference = ?)',
        [$reference, $reference]
    )->rowCount() === 1;
    $database->exec('COMMIT');

    if ($orderPaid) {
        error_log("flexpay: $reference is paid: deliver the order"); // deliver the goods here, once
    } elseif ($transaction->isPaid()) {
        error_log("flexpay: $reference is paid, but its order was already paid: refund it");
    }

    return $transaction->getState();
}
