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
    return new PDO('sqlite:' . (string) getenv('SHOP_DATABASE'), null, null, [
        PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION,
        PDO::ATTR_DEFAULT_FETCH_MODE => PDO::FETCH_ASSOC,
        PDO::ATTR_TIMEOUT => 5,
    ]);
}

/**
 * Runs a statement with these values for its question marks.
 *
 * @param list<string|null> $values
 */
function run(PDO $database, string $sql, array $values = []): PDOStatement
{
    $statement = $database->prepare($sql);
    assert($statement !== false); // it would have thrown
    $statement->execute($values);

    return $statement;
}

/**
 * All rows of a query: read whole, or they stay locked while the gateway is asked.
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
 * Answers, and says nothing that a stranger may not hear.
 *
 * @return never
 */
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
    $pays = $transaction->isPaid() && run(
        $database,
        "UPDATE orders SET paid_by = ?, paid_at = datetime('now')"
        . ' WHERE paid_by IS NULL AND id = (SELECT order_id FROM attempts WHERE reference = ?)',
        [$reference, $reference]
    )->rowCount() === 1;
    $database->exec('COMMIT');

    if ($pays) {
        error_log("flexpay: $reference is paid: deliver the order"); // here the goods go out, once
    } elseif ($transaction->isPaid()) {
        error_log("flexpay: $reference is paid, and its order was paid already: refund it");
    }

    return $transaction->getState();
}
