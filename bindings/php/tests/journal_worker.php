<?php

/**
 * One of many processes that share a journal in a database. The arguments are one JSON text:
 *
 *     dsn      the database
 *     sandbox  its URL
 *     options  of the client
 *     do       "pay": pays for the references, in a random order
 *              "deliver": reconciles, and delivers what is to be delivered, in one transaction with the order
 *              "look": when the gateway was asked, prints whether the row of the first reference can be locked
 *              at once; the second one is how often it was asked before
 *              "cross": acknowledges, and then updates the order: not in the order of "deliver"
 *     references
 *     go       a file; it begins when there is one
 *
 * It prints a line for each result, and goes on with a new connection if the one it has is lost.
 */

declare(strict_types=1);

require __DIR__ . '/bootstrap.php';

use FlexPay\Client;
use FlexPay\Exception\FlexPayException;
use FlexPay\Exception\JournalException;
use FlexPay\Journal\Journal;
use FlexPay\Journal\PdoStore;
use FlexPay\PaymentRequest;
use FlexPay\Tests\Support\Database;

$given = json_decode($argv[1], true);
$client = new Client($given['options']);

function card(string $reference): PaymentRequest
{
    return new PaymentRequest($reference, '25.50', 'USD', [
        'callback_url' => 'http://127.0.0.1:9/callback',
        'approve_url' => 'https://shop.example/ok',
        'cancel_url' => 'https://shop.example/cancel',
        'decline_url' => 'https://shop.example/no',
    ]);
}

/** Delivers an order, and says so after the commit. */
function deliver(PDO $pdo, Journal $journal, string $reference): void
{
    $pdo->beginTransaction();
    if (!$journal->acknowledge($reference)->hasChanged()) {
        $pdo->rollBack();

        return;
    }
    $order = $pdo->prepare('UPDATE orders SET deliveries = deliveries + 1 WHERE reference = ?');
    $order->execute([$reference]);
    $pdo->commit();
    echo "$reference delivered\n";
}

/** Waits until the gateway has received so many checks. */
function waitForChecks(string $sandbox, int $count): void
{
    do {
        usleep(20000);
        $requests = json_decode((string) file_get_contents("$sandbox/sandbox/api/requests"), true);
    } while (count(array_keys(array_column($requests, 'method'), 'GET', true)) < $count);
}

if ($given['do'] === 'look') {
    [$reference, $before] = $given['references'];
    waitForChecks($given['sandbox'], (int) $before + 1);
    $isSqlite = strncmp($given['dsn'], 'sqlite', 6) === 0;
    $pdo = Database::connectTo($given['dsn'], PDO::class, [PDO::ATTR_TIMEOUT => 1]);
    try {
        $pdo->exec($isSqlite ? 'BEGIN IMMEDIATE' : 'START TRANSACTION');
        if (!$isSqlite) {
            $row = $pdo->prepare('SELECT version FROM flexpay_journal WHERE reference = ? FOR UPDATE NOWAIT');
            $row->execute([$reference]);
            $row->fetchAll();
        }
        echo "free\n";
    } catch (PDOException $locked) {
        echo 'locked: ', $locked->getMessage(), "\n";
    }
    exit;
}

if ($given['do'] === 'cross') {
    $pdo = Database::connectTo($given['dsn']);
    $pdo->beginTransaction();
    $reference = $given['references'][0];
    if ((new Journal($client, new PdoStore($pdo)))->acknowledge($reference)->hasChanged()) {
        echo "acknowledged\n";
    }
    try {
        // This waits for the other process, and that one for this one.
        $pdo->prepare('UPDATE orders SET deliveries = deliveries + 1 WHERE reference = ?')->execute([$reference]);
        $pdo->commit();
        echo "delivered\n";
    } catch (PDOException $lost) {
        echo $lost->getMessage(), "\n";
    }
    exit;
}

/** @return array{PDO, Journal} */
function connect(string $dsn, Client $client): array
{
    for ($try = 1;; $try++) {
        try {
            $pdo = Database::connectTo($dsn);

            return [$pdo, new Journal($client, new PdoStore($pdo))];
        } catch (PDOException | JournalException $killed) {
            if ($try === 20) {
                throw $killed;
            }
        }
    }
}

while (!file_exists($given['go'])) {
    usleep(10000);
}
[$pdo, $journal] = connect($given['dsn'], $client);
$references = $given['references'];
if ($given['do'] === 'deliver') {
    // Each round reconciles what the one before could not, because its connection was lost.
    $references = ['round 1', 'round 2', 'round 3'];
} else {
    shuffle($references);
}
foreach ($references as $reference) {
    try {
        if ($given['do'] === 'pay') {
            $payment = $journal->pay(card($reference));
            echo "$reference ", $payment->isRecorded() ? 'recorded' : 'paid', "\n";
            continue;
        }
        foreach ($journal->reconcile()->getSettlements() as $settlement) {
            if ($settlement->isToDeliver()) {
                deliver($pdo, $journal, $settlement->getReference());
            }
        }
        echo "$reference done\n";
    } catch (FlexPayException | PDOException $failure) {
        $name = $failure instanceof FlexPayException ? $failure->getCodeName() : 'PDO';
        $outcome = $failure instanceof FlexPayException ? $failure->getOutcome() : '-';
        echo "$reference failed $name $outcome ", explode("\n", $failure->getMessage())[0], "\n";
        if (in_array($name, ['JOURNAL', 'PDO'], true)) {
            [$pdo, $journal] = connect($given['dsn'], $client);
        }
    }
}
