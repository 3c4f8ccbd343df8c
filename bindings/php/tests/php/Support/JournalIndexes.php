<?php

declare(strict_types=1);

namespace FlexPay\Tests\Support;

use FlexPay\Client;

/** The lists of the journal read only the rows that they return. */
trait JournalIndexes
{
    /** The text of the plan for a statement. */
    abstract protected function plan(string $sql): string;

    public function testTheListsUseTheirIndexes(): void
    {
        $this->pay('R-0');
        $insert = 'INSERT INTO flexpay_journal (reference, version, state, is_open, to_deliver, order_number,'
            . ' lease_until, created_at, changed_at, entry) VALUES ';
        $this->pdo->beginTransaction();
        for ($page = 0; $page < 20; $page++) {
            $rows = [];
            for ($n = 0; $n < 500; $n++) {
                $rows[] = "('P-$page-$n', 1, 'PAID', 0, 0, 'O-$page-$n', 0, '2026-11-27T18:36:21Z',"
                    . " '2026-11-27T18:36:21Z', '{}')";
            }
            $this->pdo->exec($insert . implode(', ', $rows));
        }
        $this->pdo->commit();
        $this->pdo->query(static::driver() === 'mysql' ? 'ANALYZE TABLE flexpay_journal' : 'ANALYZE')->fetchAll();

        $journal = $this->intercepted($pdo);
        $indexes = [
            Client::JOURNAL_OPEN => 'flexpay_journal_open',
            Client::JOURNAL_IN_DOUBT => 'flexpay_journal_in_doubt',
            Client::JOURNAL_TO_DELIVER => 'flexpay_journal_to_deliver',
        ];
        foreach ($indexes as $filter => $index) {
            $pdo->prepared = [];
            $journal->list($filter);
            self::assertCount(1, $pdo->prepared);
            self::assertStringContainsString($index, $this->plan(str_replace('?', "'P-1'", $pdo->prepared[0])));
        }
        $pdo->prepared = [];
        self::failure(static function () use ($journal): void {
            $journal->settleCallback(self::notice(null, 'O-none'));
        });
        self::assertCount(1, $pdo->prepared);
        self::assertStringContainsString(
            'flexpay_journal_order',
            $this->plan(str_replace('?', "'O-none'", $pdo->prepared[0]))
        );
    }
}
