<?php

/**
 * What pay.php, callback.php and sweep.php share: the shop's database, and what is written into it.
 */

declare(strict_types=1);

require __DIR__ . '/../../bindings/php/autoload.php'; // with Composer: vendor/autoload.php

use FlexPay\Expected;
use FlexPay\Transaction;

function database(): PDO
{
    return new PDO('sqlite:' . getenv('SHOP_DATABASE'), null, null, [
        PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION,
        PDO::ATTR_DEFAULT_FETCH_MODE => PDO::FETCH_ASSOC,
        PDO::ATTR_TIMEOUT => 5,
    ]);
}

/**
 * The first row that a query gives.
 *
 * @param list<string> $values
 *
 * @return array<string, string|null>|null
 */
function row(PDO $database, string $query, array $values): ?array
{
    $find = $database->prepare($query);
    $find->execute($values);
    $row = $find->fetch();
    $find->closeCursor(); // or the row stays locked while the gateway is asked

    return is_array($row) ? $row : null;
}

/** Answers, and says nothing that a stranger may not hear. */
function answer(int $status, string $words): void
{
    http_response_code($status);
    header('Content-Type: text/plain; charset=utf-8');
    exit($words . "\n");
}

/**
 * What the shop asked for in an attempt: a row of `attempts` with amount and currency of its order.
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
        $query
    );
}

/**
 * Writes down what the gateway said of an attempt, unless more is known already. Gives the state that
 * is recorded then.
 *
 * Notices come twice, at the same time, and late. All of it is one transaction, so that each of them
 * sees what the others wrote, and the goods go out once.
 */
function record(PDO $database, string $reference, Transaction $transaction): string
{
    $database->exec('BEGIN IMMEDIATE'); // in MySQL and PostgreSQL: SELECT … FOR UPDATE
    $recorded = (string) row($database, 'SELECT state FROM attempts WHERE reference = ?', [$reference])['state'];
    if (!$transaction->mayReplace($recorded)) {
        $database->exec('COMMIT');

        return $recorded;
    }
    $database->prepare('UPDATE attempts SET state = ?, order_number = coalesce(order_number, ?) WHERE reference = ?')
        ->execute([$transaction->getState(), $transaction->getOrderNumber(), $reference]);
    $pay = $database->prepare(
        "UPDATE orders SET paid_by = ?, paid_at = datetime('now')"
        . ' WHERE paid_by IS NULL AND id = (SELECT order_id FROM attempts WHERE reference = ?)'
    );
    if ($transaction->isPaid()) {
        $pay->execute([$reference, $reference]);
    }
    $database->exec('COMMIT');

    if ($transaction->isPaid() && $pay->rowCount() === 1) {
        error_log("flexpay: $reference is paid: deliver the order"); // here the goods go out, once
    } elseif ($transaction->isPaid()) {
        error_log("flexpay: $reference is paid, and its order was paid already: refund it");
    }

    return $transaction->getState();
}
