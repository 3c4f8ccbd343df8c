<?php

declare(strict_types=1);

namespace FlexPay\Tests\Support;

use FlexPay\Client;
use FlexPay\Settlement;

/** The journal with many processes at once. */
trait JournalProcesses
{
    /** Many processes pay and deliver the same references at once; some are killed, and so are connections. */
    public function testFiftyProcessesAtOnce(): void
    {
        $directory = new TemporaryDirectory();
        $shared = [];
        for ($n = 0; $n < 20; $n++) {
            $shared[] = "S-$n";
            if ($n % 2 === 0) {
                $this->notSent("S-$n"); // all may send it again, and one must
            }
        }
        $all = $shared;
        $workers = [];
        for ($n = 0; $n < 50; $n++) {
            $own = ["W-$n-0", "W-$n-1", "W-$n-2"];
            $all = array_merge($all, $own);
            $workers[] = $this->worker('pay', array_merge($shared, $own), "$directory->path/pay-$n", "$directory->path/go");
        }
        $insert = $this->pdo->prepare('INSERT INTO orders VALUES (?, 0)');
        foreach ($all as $reference) {
            $insert->execute([$reference]);
        }
        $this->sandbox->inject(['on' => 'pay', 'times' => null, 'action' => ['kind' => 'delay', 'ms' => 300]]);
        $counts = $this->disturb($workers, "$directory->path/go");
        $this->sandbox->clearFaults();

        // What a shop does then: the leases end, the callbacks of the gateway arrive, and the customers pay.
        $this->endLeases();
        $this->journal->reconcile();
        $ledger = [];
        foreach ($this->sandbox->payments() as $payment) {
            $reference = (string) $payment['reference'];
            self::assertArrayNotHasKey($reference, $ledger);
            $ledger[$reference] = (string) $payment['order_number'];
            $this->journal->settleCallback(self::notice($reference, $ledger[$reference]));
        }
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
        $states = [];
        foreach ($this->journal->list(Client::JOURNAL_ALL, '', 1000) as $entry) {
            $reference = $entry->getReference();
            $states[$entry->getState()] = ($states[$entry->getState()] ?? 0) + 1;
            $expected = isset($ledger[$reference]) ? Settlement::STATE_ACCEPTED : Settlement::STATE_IN_DOUBT;
            self::assertSame($expected, $entry->getState(), $reference);
            self::assertSame($ledger[$reference] ?? null, $entry->getOrderNumber());
            unset($requests[$reference]);
        }
        self::assertSame([], $requests, 'a request is not in the journal');

        foreach ($ledger as $order) {
            $this->sandbox->decide($order, 'approve');
        }
        $workers = [];
        for ($n = 0; $n < 20; $n++) {
            $workers[] = $this->worker('deliver', [], "$directory->path/deliver-$n", "$directory->path/deliver");
        }
        $delivering = $this->disturb($workers, "$directory->path/deliver");
        foreach ($this->journal->reconcile()->getSettlements() as $settlement) {
            // The processes that would have delivered these were killed, or lost their connection.
            $this->pdo->beginTransaction();
            if ($settlement->isToDeliver() && $this->journal->acknowledge($settlement->getReference())->hasChanged()) {
                $this->pdo->prepare('UPDATE orders SET deliveries = deliveries + 1 WHERE reference = ?')
                    ->execute([$settlement->getReference()]);
            }
            $this->pdo->commit();
        }
        foreach ($all as $reference) {
            self::assertSame(isset($ledger[$reference]) ? 1 : 0, $this->deliveries($reference), $reference);
        }
        ksort($states);
        fwrite(STDERR, sprintf(
            "\n%s: 50 processes, %d references: %s; entries: %s\n    20 processes delivered %d: %s\n",
            static::driver(),
            count($all),
            self::text($counts),
            self::text($states),
            count($ledger),
            self::text($delivering)
        ));
    }

    /**
     * Lets these processes begin, and kills some of them, and connections of others, until all have ended. Checks
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
            if ($turn % 4 === 0) {
                posix_kill($running[array_rand($running)]->pid(), SIGKILL);
                $counts['killed processes']++;
            }
            $admin = $this->database->connect();
            $ids = $isServer ? array_diff($this->database->ids($admin), $own) : [];
            if ($ids !== []) {
                $this->database->kill($admin, $ids[array_rand($ids)]);
                $counts['killed connections']++;
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
                self::assertDoesNotMatchRegularExpression('/deadlock|40001|40P01|1213|1205|1020|all the time/i', $line);
                preg_match('/^(?:round \d|\S+) (failed \w+ \S+|\w+)/', $line, $found);
                $counts[$found[1]] = ($counts[$found[1]] ?? 0) + 1;
            }
        }

        return $counts;
    }

    /** @param array<string, int> $counts */
    private static function text(array $counts): string
    {
        return str_replace(['{', '}', '"'], '', (string) json_encode($counts));
    }
}
