<?php

/**
 * Functions shared by pay.php, mobile.php, callback.php and sweep.php: the shop's database, its journal of
 * payments, and the delivery of what was paid.
 */

declare(strict_types=1);

require __DIR__ . '/../../bindings/php/autoload.php'; // with Composer: vendor/autoload.php

use FlexPay\Client;
use FlexPay\Exception\FlexPayException;
use FlexPay\Exception\InvalidArgumentException;
use FlexPay\Expected;
use FlexPay\Journal\Journal;
use FlexPay\Journal\PdoStore;
use FlexPay\Settlement;

/** For how many seconds a phone may show the operator's message. */
const PHONE_SECONDS = 180;

function database(): PDO
{
    return new PDO('sqlite:' . (string) getenv('SHOP_DATABASE'), null, null, [
        PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION,
        PDO::ATTR_DEFAULT_FETCH_MODE => PDO::FETCH_ASSOC,
        PDO::ATTR_TIMEOUT => 5,
    ]);
}

/**
 * The journal of payments, in the same database. The client must have no journal of its own: FLEXPAY_JOURNAL is
 * not set.
 *
 * @throws FlexPayException if the settings are wrong, or the library cannot be used
 */
function journal(PDO $database): Journal
{
    return new Journal(Client::fromEnvironment(), new PdoStore($database));
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
 * The order of this id.
 *
 * @return array<string, string|null>|null
 */
function order(PDO $database, string $id): ?array
{
    /** @var list<array<string, string|null>> $rows */
    $rows = run($database, 'SELECT * FROM orders WHERE id = ?', [$id])->fetchAll();

    return $rows[0] ?? null;
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

/**
 * The current attempt to pay an order: its reference, and what the journal has about it, if anything. The
 * attempts of INVOICE-0017 have the references INVOICE-0017-1, INVOICE-0017-2 and so on: after a failed attempt,
 * the next one needs a new reference.
 *
 * @return array{string, Settlement|null}
 *
 * @throws FlexPayException
 */
function attempt(Journal $journal, string $order): array
{
    for ($number = 1;; $number++) {
        $reference = "$order-$number";
        $attempt = entry($journal, $reference);
        if ($attempt === null || !hasFailed($attempt)) {
            return [$reference, $attempt];
        }
    }
}

/** @throws FlexPayException */
function entry(Journal $journal, string $reference): ?Settlement
{
    try {
        return $journal->get($reference);
    } catch (InvalidArgumentException $none) {
        return null;
    }
}

/** Whether the gateway has the request, or may have it. */
function mayHaveArrived(Settlement $attempt): bool
{
    return !in_array($attempt->getState(), [Settlement::STATE_NOT_SENT, Settlement::STATE_REFUSED], true);
}

/** Whether the journal has an attempt that the gateway has, or may have. */
function isOpen(Journal $journal, string $reference): bool
{
    try {
        $attempt = entry($journal, $reference);
    } catch (FlexPayException $e) {
        error_log("flexpay: $reference: " . $e->getMessage());

        return true; // nobody knows: nothing may be said about money
    }

    return $attempt !== null && mayHaveArrived($attempt);
}

/**
 * Whether the customer may pay with a new attempt.
 *
 * The live gateway has been seen to report "failed" while the customer was still typing, and "paid" afterwards.
 * Somebody who comes back from the card page has given up. But a phone may still show the operator's message, for
 * PHONE_SECONDS. Should both attempts be paid after all, deliver() says so.
 */
function hasFailed(Settlement $attempt): bool
{
    $isFailed = in_array($attempt->getState(), [Settlement::STATE_FAILED, Settlement::STATE_CANCELLED], true);
    $isOld = (int) strtotime($attempt->getCreatedAt()) < time() - PHONE_SECONDS;

    return $isFailed && ($attempt->getKind() === Expected::KIND_CARD || $isOld);
}

/**
 * Asks the gateway about the current attempt of an order, if it is open, and delivers what is paid.
 *
 * @throws FlexPayException if the journal cannot be read
 */
function settleAttempt(PDO $database, Journal $journal, string $order): void
{
    [$reference, $attempt] = attempt($journal, $order);
    if ($attempt === null) {
        return;
    }
    try {
        deliver($database, $journal, $attempt->isOpen() ? $journal->settle($reference) : $attempt);
    } catch (FlexPayException $e) {
        error_log("flexpay: $reference not settled: " . $e->getMessage());
    }
}

/**
 * Delivers the order of a paid attempt, once. Callbacks arrive twice, at the same time, and late: one process
 * alone sees that acknowledge() has changed the entry. The order and the journal are written in one transaction:
 * if it fails, both are as before, and the next call delivers. If the answer to the commit is lost, both are written
 * or neither: a shop delivers by paid_by then.
 *
 * @throws FlexPayException
 * @throws PDOException
 */
function deliver(PDO $database, Journal $journal, Settlement $attempt): void
{
    if (!$attempt->isToDeliver()) {
        return;
    }
    $reference = $attempt->getReference();
    $database->beginTransaction();
    try {
        if (!$journal->acknowledge($reference)->hasChanged()) {
            $database->rollBack();

            return;
        }
        $isFirst = run(
            $database,
            "UPDATE orders SET paid_by = ?, paid_at = datetime('now') WHERE paid_by IS NULL AND id = ?",
            [$reference, (string) preg_replace('/-\d+$/D', '', $reference)]
        )->rowCount() === 1;
        $database->commit();
    } catch (Throwable $e) {
        if ($database->inTransaction()) {
            $database->rollBack();
        }
        throw $e;
    }
    if ($isFirst) {
        error_log("flexpay: $reference is paid: deliver the order"); // deliver the goods here, once
    } else {
        error_log("flexpay: $reference is paid, but its order was already paid: refund it");
    }
}
