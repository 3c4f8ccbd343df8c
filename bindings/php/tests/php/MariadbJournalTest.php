<?php

declare(strict_types=1);

namespace FlexPay\Tests;

use FlexPay\Exception\InvalidArgumentException;
use FlexPay\Exception\JournalException;
use FlexPay\Journal\PdoStore;
use FlexPay\Tests\Support\JournalIndexes;
use FlexPay\Tests\Support\JournalProcesses;
use FlexPay\Tests\Support\JournalPromises;
use FlexPay\Tests\Support\JournalServers;
use FlexPay\Tests\Support\JournalTestCase;
use FlexPay\Tests\Support\JournalTransactions;

/**
 * The journal in Mariadb.
 *
 * @group servers
 */
final class MariadbJournalTest extends JournalTestCase
{
    use JournalIndexes;
    use JournalProcesses;
    use JournalPromises;
    use JournalServers;
    use JournalTransactions;

    protected static function driver(): string
    {
        return 'mysql';
    }

    protected function plan(string $sql): string
    {
        return (string) json_encode($this->pdo->query("EXPLAIN $sql")->fetchAll(\PDO::FETCH_ASSOC));
    }

    /** Each SELECT would begin a transaction that nobody commits. */
    public function testAConnectionWithoutAutocommitIsRefused(): void
    {
        $bySql = $this->database->connect();
        $bySql->exec('SET autocommit = 0');
        foreach ([$this->database->connect([\PDO::ATTR_AUTOCOMMIT => 0]), $bySql] as $pdo) {
            $failure = self::failure(static function () use ($pdo): void {
                new PdoStore($pdo);
            });
            self::assertInstanceOf(InvalidArgumentException::class, $failure);
            self::assertSame('pdo', $failure->getField());
            self::assertStringContainsString('connect without PDO::ATTR_AUTOCOMMIT => 0', $failure->getMessage());
        }
    }

    /** A table that somebody made with another collation. */
    public function testATableThatTakesOneReferenceForAnother(): void
    {
        $this->pay();
        $this->pdo->exec('ALTER TABLE flexpay_journal MODIFY reference VARCHAR(255) NOT NULL');
        $failure = self::failure(function (): void {
            $this->pay('R-1 ');
        });
        self::assertInstanceOf(JournalException::class, $failure);
        self::assertStringContainsString('takes "R-1" for "R-1 "', $failure->getMessage());
        self::assertSame(1, $this->sent());
    }
}
