<?php

declare(strict_types=1);

namespace FlexPay\Tests\Support;

use FlexPay\Client;
use FlexPay\Settlement;

/**
 * The journal with many processes at once, some of which are killed, and whose connections are. JOURNAL_PROCESSES is
 * how many (8); if it is set, the tests also print what happened.
 */
trait JournalProcesses
{
    public function testManyProcessesOnOneReference(): void
    {
        $this->notSent('S-0'); // all may send it again, and one must
        $workers = array_fill(0, self::processes(), array_fill(0, 5, 'S-0'));
        $this->payAtOnce('one reference', $workers, ['S-0']);
    }

    public function testManyProcessesOnManyReferences(): void
    {
        $shared = [];
        for ($n = 0; $n < 20; $n++) {
            $shared[] = "S-$n";
            if ($n % 2 === 0) {
                $this->notSent("S-$n");
            }
        }
        $all = $shared;
        $workers = [];
        for ($n = 0; $n < self::processes(); $n++) {
            $own = ["W-$n-0", "W-$n-1", "W-$n-2"];
            $all = array_merge($all, $own);
            $workers[] = array_merge($shared, $own);
        }
        $ledger = $this->payAtOnce('many references', $workers, $all);
        $this->deliverAtOnce($all, $ledger);
    }

    private static function processes(): int
    {
        return (int) (getenv('JOURNAL_PROCESSES') ?: 8);
    }

    /**
     * Processes pay these references at once. Then compares the journal with the gateway's ledger, which it returns.
     *
     * @param list<list<string>> $workers the references of each process
     * @param list<string>       $all     of all of them
     *
     * @return array<string, string> order numbers by reference
     */
    private function payAtOnce(string $what, array $workers, array $all): array
    {
        $directory = new TemporaryDirectory();
        $processes = [];
        foreach ($workers as $n => $references) {
            $processes[] = $this->worker('pay', $references, "$directory->path/pay-$n", "$directory->path/go");
        }
        $this->sandbox->inject(['on' => 'pay', 'times' => null, 'action' => ['kind' => 'delay', 'ms' => 150]]);
        $counts = $this->disturb($processes, "$directory->path/go");
        $this->sandbox->clearFaults();

        // What a shop does then: the leases end, and the callbacks of the gateway arrive.
        $this->endLeases();
        $this->journal->reconcile();
        $ledger = [];
        foreach ($this->sandbox->payments() as $payment) {
            $reference = (string) $payment['reference'];
            self::assertArrayNotHasKey($reference, $ledger);
            $ledger[$reference] = (string) $payment['order_number'];
            $this->journal->settleCallback(self::notice($reference, $ledger[$reference]));
        }
        $this->compareWithTheRequests();
        $states = [];
        foreach ($this->journal->list(Client::JOURNAL_ALL, '', 1000) as $entry) {
            $reference = $entry->getReference();
            $states[$entry->getState()] = ($states[$entry->getState()] ?? 0) + 1;
            $taken = [Settlement::STATE_ACCEPTED];
            // A process that was killed before its request, or a request that nobody began again.
            $notTaken = [Settlement::STATE_IN_DOUBT, Settlement::STATE_NOT_SENT];
            self::assertContains($entry->getState(), isset($ledger[$reference]) ? $taken : $notTaken, $reference);
            self::assertSame($ledger[$reference] ?? null, $entry->getOrderNumber());
        }
        self::assertSame([], array_diff(array_keys($ledger), $all));
        $this->report(sprintf(
            '%d processes on %s (%d): %s; entries: %s',
            count($workers),
            $what,
            count($all),
            self::text($counts),
            self::text($states)
        ));

        return $ledger;
    }

    /** The gateway received each reference once, and the journal has it. */
    private function compareWithTheRequests(): void
    {
        $requests = [];
        foreach ($this->sandbox->requests() as $request) {
            if ($request['method'] === 'POST') {
                $reference = json_decode((string) $request['body'], true)['reference'];
                $requests[$reference] = ($requests[$reference] ?? 0) + 1;
            }
        }
        self::assertSame([], array_filter($requests, static function (int $count): bool {
            return $count > 1;
        }), 'a reference was sent twice');
        $recorded = array_flip($this->listed(Client::JOURNAL_ALL, '', 1000));
        self::assertSame([], array_diff_key($requests, $recorded), 'a request is not in the journal');
    }

    /**
     * Half of the customers pay, and processes reconcile and deliver at once. Each paid order is delivered once, and
     * no other.
     *
     * @param list<string>          $all
     * @param array<string, string> $ledger
     */
    private function deliverAtOnce(array $all, array $ledger): void
    {
        $insert = $this->pdo->prepare('INSERT INTO orders VALUES (?, 0)');
        foreach ($all as $reference) {
            $insert->execute([$reference]);
        }
        $paid = array_slice($ledger, 0, intdiv(count($ledger) + 1, 2));
        foreach ($paid as $order) {
            $this->sandbox->decide($order, 'approve');
        }
        $directory = new TemporaryDirectory();
        $processes = [];
        for ($n = 0; $n < self::processes(); $n++) {
            $processes[] = $this->worker('deliver', [], "$directory->path/deliver-$n", "$directory->path/go");
        }
        $counts = $this->disturb($processes, "$directory->path/go");
        // The processes that would have delivered these were killed, or lost their connection.
        $left = 0;
        foreach ($this->journal->reconcile()->getSettlements() as $settlement) {
            $this->pdo->beginTransaction();
            if ($settlement->isToDeliver() && $this->journal->acknowledge($settlement->getReference())->hasChanged()) {
                $this->pdo->prepare('UPDATE orders SET deliveries = deliveries + 1 WHERE reference = ?')
                    ->execute([$settlement->getReference()]);
                $left++;
            }
            $this->pdo->commit();
        }
        foreach ($all as $reference) {
            self::assertSame(isset($paid[$reference]) ? 1 : 0, $this->deliveries($reference), $reference);
        }
        foreach ($this->journal->list(Client::JOURNAL_ALL, '', 1000) as $entry) {
            self::assertSame(isset($paid[$entry->getReference()]), $entry->isPaid(), $entry->getReference());
        }
        self::assertSame([], $this->listed(Client::JOURNAL_TO_DELIVER));
        $this->report(sprintf(
            '%d processes deliver %d of %d: %s; delivered afterwards: %d',
            count($processes),
            count($paid),
            count($ledger),
            self::text($counts),
            $left
        ));
    }

    /**
     * Lets these processes begin, and kills a fifth of them, and connections of others, until all have ended. Checks
     * that none met an error that it should not.
     *
     * @param list<Process> $workers
     * @param string        $go      the file that they wait for
     *
     * @return array<string, int> what happened
     */
    private function disturb(array $workers, string $go): array
    {
        $counts = ['killed processes' => 0, 'killed connections' => 0];
        $isServer = static::driver() !== 'sqlite';
        // Of this process.
        $own = $isServer ? [$this->database->id($this->pdo)] : [];
        for ($turn = 1; $running = array_filter($workers, static function (Process $one): bool {
            return $one->isRunning();
        }); $turn++) {
            touch($go);
            usleep(40000);
            if ($turn % 4 === 0 && $counts['killed processes'] < count($workers) / 5) {
                posix_kill($running[array_rand($running)]->pid(), SIGKILL);
                $counts['killed processes']++;
            }
            if ($isServer && $counts['killed connections'] < 2 * count($workers)) {
                $admin = $this->database->connect();
                $ids = array_diff($this->database->ids($admin), $own);
                if ($ids !== []) {
                    $this->database->kill($admin, $ids[array_rand($ids)]);
                    $counts['killed connections']++;
                }
            }
        }
        foreach ($workers as $worker) {
            // PostgreSQL's library prints the end of an idle connection.
            $printed = str_replace('FATAL:  terminating connection due to administrator command', '', $worker->log());
            foreach (array_filter(explode("\n", $printed)) as $line) {
                self::assertMatchesRegularExpression(
                    '/^(\S+|round \d) (paid|recorded|delivered|done|failed (JOURNAL|IN_PROGRESS|IN_DOUBT|PDO) )/',
                    $line
                );
                // A transaction that lost against others is repeated.
                self::assertDoesNotMatchRegularExpression('/deadlock|40001|40P01|1213|1205|1020|all the time/i', $line);
                preg_match('/^(?:round \d|\S+) (failed \w+ \S+|\w+)/', $line, $found);
                $counts[$found[1]] = ($counts[$found[1]] ?? 0) + 1;
            }
        }

        return $counts;
    }

    private function report(string $text): void
    {
        if (getenv('JOURNAL_PROCESSES') !== false) {
            fwrite(STDERR, "\n" . static::driver() . ": $text\n");
        }
    }

    /** @param array<string, int> $counts */
    private static function text(array $counts): string
    {
        ksort($counts);

        return str_replace(['{', '}', '"'], '', (string) json_encode($counts));
    }
}
