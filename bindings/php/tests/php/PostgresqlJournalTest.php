<?php

declare(strict_types=1);

namespace FlexPay\Tests;

use FlexPay\Tests\Support\JournalIndexes;
use FlexPay\Tests\Support\JournalProcesses;
use FlexPay\Tests\Support\JournalPromises;
use FlexPay\Tests\Support\JournalServers;
use FlexPay\Tests\Support\JournalTestCase;
use FlexPay\Tests\Support\JournalTransactions;

/**
 * The journal in Postgresql.
 *
 * @group servers
 */
final class PostgresqlJournalTest extends JournalTestCase
{
    use JournalIndexes;
    use JournalProcesses;
    use JournalPromises;
    use JournalServers;
    use JournalTransactions;

    protected static function driver(): string
    {
        return 'pgsql';
    }

    protected function plan(string $sql): string
    {
        return (string) json_encode($this->pdo->query("EXPLAIN $sql")->fetchAll(\PDO::FETCH_ASSOC));
    }
}
