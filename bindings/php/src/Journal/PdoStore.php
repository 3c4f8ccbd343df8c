<?php

declare(strict_types=1);

namespace FlexPay\Journal;

use FlexPay\Exception\FlexPayException;
use FlexPay\Exception\InvalidArgumentException;
use FlexPay\Exception\JournalException;
use FlexPay\Internal\Arguments;
use FlexPay\Internal\ExceptionFactory;
use PDO;
use PDOException;

/**
 * The table of a Journal in the shop's own database: MariaDB, MySQL, PostgreSQL or SQLite. It loads an entry,
 * writes it if nobody has changed it meanwhile, and lists. It decides nothing.
 *
 * schema() has the statements that create the table: add them to your migrations. Programs in Python can use
 * the same table. It is for one merchant and one environment: see Journal.
 */
final class PdoStore
{
    /** The seconds since 1970, by the clock of the database, while a statement runs. */
    private const CLOCK = [
        'mysql' => 'UNIX_TIMESTAMP()',
        // Not now(): that is when the transaction began.
        'pgsql' => 'CAST(EXTRACT(EPOCH FROM clock_timestamp()) AS BIGINT)',
        'sqlite' => "CAST(strftime('%s', 'now') AS INTEGER)",
    ];

    /** A time of that clock in UTC, as the text of created_at: "2026-11-27T18:36:21Z". %s: days before now. */
    private const TIME = [
        'mysql' => "DATE_FORMAT(UTC_TIMESTAMP() - INTERVAL %s DAY, '%%Y-%%m-%%dT%%H:%%i:%%sZ')",
        'pgsql' => "to_char((clock_timestamp() AT TIME ZONE 'UTC') - INTERVAL '%s days',"
            . " 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')",
        'sqlite' => "strftime('%%Y-%%m-%%dT%%H:%%M:%%SZ', 'now', '-%s days')",
    ];

    private const CONDITIONS = [
        'ALL' => "state <> 'PRUNED'",
        'OPEN' => 'is_open = 1',
        'IN_DOUBT' => "state = 'IN_DOUBT'",
        'TO_DELIVER' => 'to_deliver = 1',
    ];

    /** How many rows are read at once. */
    private const PAGE = 200;

    /** No transaction that lost against others is repeated after this time. */
    private const RETRY_SECONDS = 60;

    private PDO $pdo;

    private string $driver;

    private string $now;

    private string $select;

    /**
     * @param PDO $pdo with PDO::ERRMODE_EXCEPTION. Begin transactions with beginTransaction(): PDO does not
     *                 always see one that was begun with SQL. MariaDB and MySQL: with autocommit.
     *
     * @throws FlexPayException InvalidArgumentException; JournalException if the connection is lost
     */
    public function __construct(PDO $pdo)
    {
        $driver = $pdo->getAttribute(PDO::ATTR_DRIVER_NAME);
        if (!is_string($driver) || !isset(self::CLOCK[$driver])) {
            throw Arguments::invalid('pdo', 'is not of the driver mysql, pgsql or sqlite');
        }
        if ($pdo->getAttribute(PDO::ATTR_ERRMODE) !== PDO::ERRMODE_EXCEPTION) {
            throw Arguments::invalid('pdo', 'must have the attribute PDO::ERRMODE_EXCEPTION: no error may be missed');
        }
        $this->pdo = $pdo;
        $this->driver = $driver;
        $this->refuseWithoutAutocommit();
        $this->now = sprintf(self::TIME[$driver], 0);
        $isAlive = 'CASE WHEN lease_until > ' . self::CLOCK[$driver] . ' THEN 1 ELSE 0 END';
        $this->select = "SELECT reference, entry, version, is_open, to_deliver, created_at, changed_at, $isAlive, state"
            . ' FROM flexpay_journal';
    }

    /**
     * The SQL that creates the table, and its indexes, if there is none.
     *
     * @param string $driver "mysql" (also for MariaDB), "pgsql" or "sqlite"
     *
     * @throws InvalidArgumentException
     */
    public static function schema(string $driver): string
    {
        Arguments::oneOf('driver', $driver, array_keys(self::CLOCK));

        return (string) file_get_contents(__DIR__ . "/../../sql/journal-$driver.sql");
    }

    /**
     * Creates the table if there is none. MariaDB and MySQL commit an open transaction.
     *
     * @throws JournalException
     */
    public function createTable(): void
    {
        $this->guard(function (): void {
            $this->pdo->exec(self::schema($this->driver));
        });
    }

    /**
     * Without autocommit each SELECT begins a transaction. It would be taken for the caller's, and nobody would
     * commit it.
     */
    private function refuseWithoutAutocommit(): void
    {
        $isOff = $this->driver === 'mysql' && $this->guard(function (): bool {
            // The server is asked: not only the attribute of PDO turns it off.
            return (int) $this->fetch('SELECT @@autocommit', [])[0][0] === 0;
        });
        if ($isOff) {
            throw Arguments::invalid(
                'pdo',
                'has no autocommit: connect without PDO::ATTR_AUTOCOMMIT => 0 (or SET autocommit = 1), and begin'
                . ' transactions with beginTransaction()'
            );
        }
    }

    /** Whether the caller has an open transaction. */
    private function inTransaction(): bool
    {
        if ($this->driver !== 'sqlite' || $this->pdo->inTransaction()) {
            return $this->pdo->inTransaction();
        }
        // PDO does not see one that was begun with SQL, such as BEGIN IMMEDIATE.
        try {
            $this->pdo->exec('BEGIN');
        } catch (PDOException $alreadyBegun) {
            return true;
        }
        $this->pdo->exec('ROLLBACK');

        return false;
    }

    /**
     * Refuses to work in a transaction of the caller.
     *
     * @internal
     *
     * @throws JournalException
     */
    public function refuseTransaction(): void
    {
        if ($this->inTransaction()) {
            $this->fail(
                'this connection has an open transaction, or is lost. Commit first: what is about to be sent must'
                . ' be on the disk before it is sent, and no rollback may undo it'
            );
        }
    }

    /**
     * Does some work in the caller's transaction or, if there is none, in one of its own. One of its own that
     * lost against others is repeated.
     *
     * @internal
     *
     * @template T
     *
     * @param callable(bool): (T|null) $work receives whether it is the caller's; null: another program has
     *                                       changed the row that it read
     *
     * @return T
     *
     * @throws FlexPayException JournalException, and those of $work
     */
    public function transaction(callable $work)
    {
        return $this->guard(function () use ($work) {
            if ($this->inTransaction()) {
                return $work(true) ?? $this->fail('another program changes this entry');
            }
            $end = hrtime(true) + self::RETRY_SECONDS * 1000000000;
            for ($try = 1;; $try++) {
                try {
                    $this->begin();
                    $result = $work(false);
                    if ($result !== null) {
                        $this->commit();

                        return $result;
                    }
                    $lost = new PDOException('other programs change this entry all the time');
                    $this->rollBack();
                } catch (\Throwable $failure) {
                    $this->rollBack();
                    if (!$failure instanceof PDOException || !$this->isConflict($failure)) {
                        throw $failure;
                    }
                    $lost = $failure;
                }
                if (hrtime(true) > $end) {
                    throw $lost;
                }
                usleep(random_int(0, 10000 * min($try, 20)));
            }
        });
    }

    /**
     * Reads outside a transaction of its own.
     *
     * @internal
     *
     * @template T
     *
     * @param callable(): T $query
     *
     * @return T
     *
     * @throws JournalException
     */
    public function read(callable $query)
    {
        return $this->guard($query);
    }

    /**
     * The seconds since 1970, by the clock of the database. One that is before 1970 is only wrong.
     *
     * @internal
     *
     * @throws JournalException
     */
    public function time(): int
    {
        return $this->guard(function (): int {
            return max(0, (int) $this->fetch('SELECT ' . self::CLOCK[$this->driver], [])[0][0]);
        });
    }

    /**
     * For how many seconds the lease of a row runs, by the clock of the database. 0: it has ended, or another
     * program has changed the row.
     *
     * @internal
     *
     * @throws JournalException
     */
    public function leaseLeft(Row $row): int
    {
        return $this->guard(function () use ($row): int {
            $left = 'SELECT lease_until - ' . self::CLOCK[$this->driver];
            $found = $this->fetch(
                "$left FROM flexpay_journal WHERE reference = ? AND version = ?",
                [$row->reference, $row->version]
            );

            return max(0, (int) ($found[0][0] ?? 0));
        });
    }

    /**
     * The row of a reference.
     *
     * @internal
     *
     * @param bool $lock whether to read the newest version, and to lock it until the transaction ends
     */
    public function load(string $reference, bool $lock = false): ?Row
    {
        if ($lock && $this->driver === 'sqlite') {
            // It has no FOR UPDATE. This locks the whole file.
            $this->run('UPDATE flexpay_journal SET version = version WHERE reference = ?', [$reference]);
        }
        $end = $lock && $this->driver !== 'sqlite' ? ' FOR UPDATE' : '';

        $row = $this->rows("{$this->select} WHERE reference = ?$end", [$reference])[0] ?? null;
        if ($row !== null && $row->reference !== $reference) {
            $this->fail(
                "the column \"reference\" takes \"$row->reference\" for \"$reference\": it must be declared as in"
                . ' PdoStore::schema()'
            );
        }

        return $row;
    }

    /**
     * A row that has this order number.
     *
     * @internal
     */
    public function findByOrderNumber(string $orderNumber): ?Row
    {
        return $this->rows("{$this->select} WHERE order_number = ? LIMIT 1", [$orderNumber])[0] ?? null;
    }

    /**
     * At most $limit rows, in the order of their references, after a reference.
     *
     * @internal
     *
     * @param string $filter one of the JOURNAL_ constants of Client
     *
     * @return list<Row>
     */
    public function list(string $filter, string $after, int $limit): array
    {
        $condition = self::CONDITIONS[$filter];

        return $this->rows(
            "{$this->select} WHERE $condition AND reference > ? ORDER BY reference LIMIT $limit",
            [$after]
        );
    }

    /**
     * Writes an entry, in the transaction that loaded it. Returns false, and writes nothing, if another program
     * has changed it since.
     *
     * @internal
     *
     * @param Row|null             $before what was loaded
     * @param array<string, mixed> $reply  of the rule
     * @param int                  $lease  for how many seconds the sender is alive; 0: it does not change
     */
    public function save(?Row $before, array $reply, int $lease): bool
    {
        $entry = $reply['entry'];
        $columns = [
            'state' => $entry['state'],
            'is_open' => (int) $reply['is_open'],
            'to_deliver' => (int) $reply['to_deliver'],
            'order_number' => $entry['order_number'],
            // ASCII only: no character set of a connection changes it.
            'entry' => json_encode($entry, JSON_THROW_ON_ERROR),
        ];
        $leaseUntil = self::CLOCK[$this->driver] . " + $lease";
        if ($before === null) {
            $this->run(
                'INSERT INTO flexpay_journal (' . implode(', ', array_keys($columns)) . ', reference, version,'
                . " created_at, changed_at, lease_until) VALUES (?, ?, ?, ?, ?, ?, 1, {$this->now}, {$this->now},"
                . " $leaseUntil)",
                array_merge(array_values($columns), [$entry['reference']])
            );

            return true;
        }
        $set = implode(' = ?, ', array_keys($columns)) . " = ?, changed_at = {$this->now}";
        $set .= $lease === 0 ? '' : ", lease_until = $leaseUntil";

        return $this->run(
            "UPDATE flexpay_journal SET $set, version = version + 1 WHERE reference = ? AND version = ?",
            array_merge(array_values($columns), [$entry['reference'], $before->version])
        ) === 1;
    }

    /**
     * Removes the entries that are closed and delivered and did not change for some days, by the clock of the
     * database. Returns how many.
     *
     * @internal
     *
     * @throws JournalException
     */
    public function prune(int $days): int
    {
        $removed = 0;
        $after = '';
        do {
            [$count, $after, $seen] = $this->transaction(function () use ($days, $after): array {
                return $this->prunePage($days, $after);
            });
            $removed += $count;
        } while ($seen === self::PAGE);

        return $removed;
    }

    /** @return array{int, string, int} how many were removed, the last reference, how many were read */
    private function prunePage(int $days, string $after): array
    {
        $old = $this->fetch(
            'SELECT reference, version, state FROM flexpay_journal WHERE is_open = 0 AND to_deliver = 0'
            . " AND state <> 'PRUNED' AND changed_at < " . sprintf(self::TIME[$this->driver], $days)
            . ' AND reference > ? ORDER BY reference LIMIT ' . self::PAGE,
            [$after]
        );
        $removed = 0;
        foreach ($old as [$reference, $version, $state]) {
            // Nothing was taken under the references of these states: they are free again. The others stay used.
            $sql = in_array($state, ['NOT_SENT', 'REFUSED'], true)
                ? 'DELETE FROM flexpay_journal'
                : "UPDATE flexpay_journal SET state = 'PRUNED', order_number = NULL, entry = '', version = version + 1";
            $removed += $this->run("$sql WHERE reference = ? AND version = ?", [$reference, $version]);
            $after = (string) $reference;
        }

        return [$removed, $after, count($old)];
    }

    // ---- SQL ----------------------------------------------------------------------------------

    /**
     * Runs a statement, and returns how many rows it changed.
     *
     * @param list<string|int|null> $values
     */
    private function run(string $sql, array $values): int
    {
        $statement = $this->pdo->prepare($sql);
        $statement->execute($values);

        return $statement->rowCount();
    }

    /**
     * @param list<string|int|null> $values
     *
     * @return list<list<mixed>>
     */
    private function fetch(string $sql, array $values): array
    {
        $statement = $this->pdo->prepare($sql);
        $statement->execute($values);

        return $statement->fetchAll(PDO::FETCH_NUM);
    }

    /**
     * @param list<string|int|null> $values
     *
     * @return list<Row>
     */
    private function rows(string $sql, array $values): array
    {
        $rows = [];
        foreach ($this->fetch($sql, $values) as $row) {
            [$reference, $entry, $version, $open, $deliver, $created, $changed, $alive, $state] = $row;
            $rows[] = new Row(
                (string) $reference,
                $state === 'PRUNED' ? null : (string) $entry,
                (int) $version,
                (bool) $open,
                (bool) $deliver,
                $created,
                $changed,
                (bool) $alive
            );
        }

        return $rows;
    }

    private function begin(): void
    {
        if ($this->driver === 'sqlite') {
            // PDO's own BEGIN takes no lock, and what was read could change before it is written.
            $this->pdo->exec('BEGIN IMMEDIATE');
        } else {
            $this->pdo->beginTransaction();
        }
    }

    /** After an error only a conflict says that nothing was recorded: the answer to a commit may be lost. */
    private function commit(): void
    {
        try {
            if ($this->driver === 'sqlite') {
                $this->pdo->exec('COMMIT');
            } else {
                $this->pdo->commit();
            }
        } catch (PDOException $failure) {
            if ($this->isConflict($failure)) {
                throw $failure;
            }
            $problem = 'the commit failed, and it may be recorded: ' . self::firstLine($failure);
            $this->fail($problem, $failure, FlexPayException::OUTCOME_UNKNOWN);
        }
    }

    /** A transaction that the database ended already, or whose connection is lost, needs none. */
    private function rollBack(): void
    {
        try {
            if ($this->driver === 'sqlite') {
                $this->pdo->exec('ROLLBACK');
            } elseif ($this->pdo->inTransaction()) {
                $this->pdo->rollBack();
            }
        } catch (PDOException $ended) {
            return;
        }
    }

    /** Whether the database gave up a transaction because of another one: it may succeed if it is repeated. */
    private function isConflict(PDOException $failure): bool
    {
        [$serializationFailure, $deadlockDetected, $uniqueViolation] = ['40001', '40P01', '23505'];
        [$recordHasChanged, $duplicateKey, $lockWaitTimeout, $deadlock] = [1020, 1062, 1205, 1213]; // of MySQL
        $state = $failure->errorInfo[0] ?? '';
        $code = $this->driver === 'mysql' ? $failure->errorInfo[1] ?? 0 : 0;

        return in_array($state, [$serializationFailure, $deadlockDetected, $uniqueViolation], true)
            || in_array($code, [$recordHasChanged, $duplicateKey, $lockWaitTimeout, $deadlock], true);
    }

    /**
     * Makes a JournalException of an error of the database.
     *
     * @template T
     *
     * @param callable(): T $work
     *
     * @return T
     *
     * @throws FlexPayException
     */
    private function guard(callable $work)
    {
        try {
            return $work();
        } catch (PDOException $failure) {
            $this->fail(self::firstLine($failure), $failure);
        }
    }

    private static function firstLine(PDOException $failure): string
    {
        return explode("\n", $failure->getMessage())[0];
    }

    /**
     * @return never
     *
     * @throws JournalException
     */
    private function fail(
        string $problem,
        ?PDOException $cause = null,
        string $outcome = FlexPayException::OUTCOME_NOT_SENT
    ): void {
        throw ExceptionFactory::journal("the journal in the database: $problem", $outcome, null, $cause);
    }
}
