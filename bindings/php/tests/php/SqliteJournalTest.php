<?php

declare(strict_types=1);

namespace FlexPay\Tests;

use FlexPay\Exception\JournalException;
use FlexPay\Journal\Journal;
use FlexPay\Journal\PdoStore;
use FlexPay\Settlement;
use FlexPay\Tests\Support\JournalIndexes;
use FlexPay\Tests\Support\JournalProcesses;
use FlexPay\Tests\Support\JournalPromises;
use FlexPay\Tests\Support\JournalTestCase;
use FlexPay\Tests\Support\JournalTransactions;

/** The journal in Sqlite. */
final class SqliteJournalTest extends JournalTestCase
{
    use JournalIndexes;
    use JournalProcesses;
    use JournalPromises;
    use JournalTransactions;

    protected static function driver(): string
    {
        return 'sqlite';
    }

    protected function plan(string $sql): string
    {
        return (string) json_encode($this->pdo->query("EXPLAIN QUERY PLAN $sql")->fetchAll(\PDO::FETCH_ASSOC));
    }

    /** PDO does not see a transaction that was begun with SQL. */
    public function testATransactionThatWasBegunWithSql(): void
    {
        $order = $this->paid();
        $this->pdo->exec('BEGIN IMMEDIATE');
        $failure = self::failure(function (): void {
            $this->pay('R-2');
        });
        self::assertInstanceOf(JournalException::class, $failure);
        self::assertTrue($this->journal->settleCallback(self::notice('R-1', $order))->hasChanged());
        $this->pdo->exec('ROLLBACK');
        self::assertSame(Settlement::STATE_ACCEPTED, $this->state());
        $this->pdo->exec('BEGIN IMMEDIATE');
        self::assertTrue($this->journal->settle('R-1')->hasChanged());
        $this->pdo->exec('COMMIT');
        self::assertTrue($this->journal->get('R-1')->isPaid());
    }

    /** Another program holds the lock for longer than this one waits. */
    public function testALockThatIsHeld(): void
    {
        $this->pdo->exec('BEGIN IMMEDIATE');
        $impatient = $this->database->connect([\PDO::ATTR_TIMEOUT => 1]);
        $failure = self::failure(function () use ($impatient): void {
            (new Journal($this->client, new PdoStore($impatient)))->pay(self::card());
        });
        $this->pdo->exec('ROLLBACK');
        self::assertInstanceOf(JournalException::class, $failure);
        self::assertSame('NOT_SENT', $failure->getOutcome());
        self::assertSame([], $this->sandbox->requests());
        self::assertFalse((new Journal($this->client, new PdoStore($impatient)))->pay(self::card())->isRecorded());
    }
}
