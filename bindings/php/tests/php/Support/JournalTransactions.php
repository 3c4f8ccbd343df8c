<?php

declare(strict_types=1);

namespace FlexPay\Tests\Support;

use FlexPay\CancelToken;
use FlexPay\Exception\FlexPayException;
use FlexPay\Exception\InDoubtException;
use FlexPay\Exception\InProgressException;
use FlexPay\Exception\InvalidArgumentException;
use FlexPay\Exception\JournalException;
use FlexPay\Journal\Journal;
use FlexPay\Journal\PdoStore;
use FlexPay\Settlement;
use PDO;

/** The journal in transactions, and senders and connections that are lost. */
trait JournalTransactions
{
    /** A process is killed while the gateway has its request. */
    public function testASenderThatDies(): void
    {
        $directory = new TemporaryDirectory();
        $this->sandbox->inject(['on' => 'pay', 'action' => ['kind' => 'stall_after', 'bytes' => 0]]);
        $sender = $this->worker('pay', ['R-1'], $directory->path . '/log');
        $sender->waitUntil(function (): bool {
            return $this->sandbox->payments() !== [];
        }, 'the request');
        $sender->kill();

        $failure = self::failure(function (): void {
            $this->pay();
        });
        self::assertInstanceOf(InProgressException::class, $failure, 'its lease runs');
        self::assertSame(Settlement::STATE_SENDING, $this->journal->settle('R-1')->getState());
        $this->endLeases();
        $failure = self::failure(function (): void {
            $this->pay();
        });
        self::assertInstanceOf(InDoubtException::class, $failure);
        self::assertSame(Settlement::STATE_IN_DOUBT, $this->state());
        $order = (string) $this->sandbox->payments()[0]['order_number'];
        $this->sandbox->decide($order, 'approve');
        self::assertTrue($this->journal->settleCallback(self::notice('R-1', $order))->isToDeliver());
        self::assertSame(1, $this->sent());
    }

    public function testALeaseLastsTwoMinutesAndTheLongestRequest(): void
    {
        $this->pay();
        $clock = [
            'mysql' => 'UNIX_TIMESTAMP()',
            'pgsql' => 'EXTRACT(EPOCH FROM clock_timestamp())',
            'sqlite' => "strftime('%s', 'now')",
        ][static::driver()];
        $left = (float) $this->pdo->query("SELECT lease_until - $clock FROM flexpay_journal")->fetchColumn();
        self::assertGreaterThan(60, $left);
        self::assertLessThanOrEqual(120 + 1 + 20 + 1, $left, 'two minutes, and timeout_ms of the client');
    }

    /** The process was held up between the commit and the request. */
    public function testNothingIsSentWhenTheLeaseMayEnd(): void
    {
        $margin = new \ReflectionProperty(Journal::class, 'marginSeconds');
        $margin->setAccessible(true);
        $margin->setValue($this->journal, 0);
        $failure = self::failure(function (): void {
            $this->pay();
        });
        self::assertInstanceOf(JournalException::class, $failure);
        self::assertSame(FlexPayException::OUTCOME_NOT_SENT, $failure->getOutcome());
        self::assertSame(Settlement::STATE_NOT_SENT, $this->state());
        self::assertSame(0, $this->sent());
        $margin->setValue($this->journal, 120);
        self::assertFalse($this->journal->pay(self::card())->isRecorded());
    }

    /** The machine was suspended there: no clock of PHP has noticed it. */
    public function testNothingIsSentWhenTheLeaseHasEnded(): void
    {
        $journal = $this->intercepted($pdo);
        $pdo->onCommit = function (callable $commit) use ($pdo) {
            $pdo->onCommit = null;
            $result = $commit();
            $this->endLeases();

            return $result;
        };
        $failure = self::failure(static function () use ($journal): void {
            $journal->pay(self::card());
        });
        self::assertInstanceOf(JournalException::class, $failure);
        self::assertSame(FlexPayException::OUTCOME_NOT_SENT, $failure->getOutcome());
        self::assertSame(0, $this->sent());
        self::assertSame(Settlement::STATE_NOT_SENT, $this->state());
    }

    /** It was suspended so long that a person said NOT_SENT, and another process pays now. */
    public function testNothingIsSentWhenAnotherProcessPays(): void
    {
        $journal = $this->intercepted($pdo);
        $pdo->onCommit = function (callable $commit) use ($pdo) {
            $pdo->onCommit = null;
            $result = $commit();
            $this->endLeases();
            $this->journal->settle('R-1');
            $this->journal->resolve('R-1', 'Awa', 'not in the console', Settlement::STATE_NOT_SENT);
            self::assertFalse($this->journal->pay(self::card())->isRecorded());

            return $result;
        };
        $failure = self::failure(static function () use ($journal): void {
            $journal->pay(self::card());
        });
        self::assertInstanceOf(FlexPayException::class, $failure);
        self::assertSame(1, $this->sent());
        self::assertSame(Settlement::STATE_ACCEPTED, $this->state());
    }

    /** Its reply says that the sender was alive. */
    public function testAReplyAfterTheLease(): void
    {
        $directory = new TemporaryDirectory();
        $this->sandbox->inject(['on' => 'pay', 'action' => ['kind' => 'delay', 'ms' => 2000]]);
        $sender = $this->worker('pay', ['R-1'], $directory->path . '/log');
        $sender->waitUntil(function (): bool {
            return $this->sandbox->payments() !== [];
        }, 'the request');
        $this->endLeases();
        self::assertSame(Settlement::STATE_IN_DOUBT, $this->journal->settle('R-1')->getState());
        $sender->waitForExit();
        self::assertSame("R-1 paid\n", $sender->log());
        self::assertSame(Settlement::STATE_ACCEPTED, $this->state());
    }

    public function testWhatIsSentMustBeCommittedFirst(): void
    {
        $calls = ['pay' => [self::card()], 'reconcile' => []];
        foreach ($calls as $call => $arguments) {
            $this->pdo->beginTransaction();
            $failure = self::failure(function () use ($call, $arguments): void {
                $this->journal->$call(...$arguments);
            });
            self::assertInstanceOf(JournalException::class, $failure);
            self::assertSame(FlexPayException::OUTCOME_NOT_SENT, $failure->getOutcome());
            self::assertStringContainsString('Commit first', $failure->getMessage());
            $this->pdo->commit();
        }
        self::assertSame([], $this->sandbox->requests());
        self::assertSame([], $this->listed());
    }

    public function testARollbackLeavesTheJournalAsItWas(): void
    {
        $order = $this->paid();
        $this->pdo->exec("INSERT INTO orders VALUES ('R-1', 0)");
        $before = $this->pdo->query('SELECT * FROM flexpay_journal')->fetchAll();
        foreach (['rollBack', 'commit'] as $end) {
            $this->pdo->beginTransaction();
            self::assertTrue($this->journal->settleCallback(self::notice('R-1', $order))->hasChanged());
            self::assertFalse($this->journal->settle('R-1')->hasChanged());
            self::assertTrue($this->journal->acknowledge('R-1')->hasChanged());
            $this->pdo->exec("UPDATE orders SET deliveries = deliveries + 1 WHERE reference = 'R-1'");
            $this->pdo->$end();
            if ($end === 'rollBack') {
                self::assertSame($before, $this->pdo->query('SELECT * FROM flexpay_journal')->fetchAll());
                self::assertSame(0, $this->deliveries('R-1'));
            }
        }
        self::assertSame(1, $this->deliveries('R-1'));
        self::assertFalse($this->journal->acknowledge('R-1')->hasChanged());
    }

    /** The gateway takes its time, and another process wants the row. */
    public function testNoRowIsLockedWhileTheGatewayIsAsked(): void
    {
        $order = $this->paid();
        $directory = new TemporaryDirectory();
        foreach (['settle', 'settleCallback'] as $number => $call) {
            $this->sandbox->inject(['on' => 'check', 'action' => ['kind' => 'delay', 'ms' => 4000]]);
            $looking = $this->worker('look', ['R-1', (string) $number], "$directory->path/$call");
            $this->pdo->beginTransaction();
            self::assertTrue($this->journal->$call($call === 'settle' ? 'R-1' : self::notice('R-1', $order))->isPaid());
            $this->pdo->rollBack();
            $looking->waitForExit();
            self::assertSame("free\n", $looking->log());
        }
    }

    /** The database does not carry out the commit. */
    public function testNothingIsSentWithoutACommit(): void
    {
        $journal = $this->intercepted($pdo);
        $pdo->onCommit = static function (): void {
            throw InterceptedPdo::error('HY000', 2006, 'the server has gone away');
        };
        $failure = self::failure(static function () use ($journal): void {
            $journal->pay(self::card());
        });
        self::assertInstanceOf(JournalException::class, $failure);
        self::assertSame(FlexPayException::OUTCOME_UNKNOWN, $failure->getOutcome());
        self::assertInstanceOf(\PDOException::class, $failure->getPrevious());
        self::assertSame([], $this->listed());
        self::assertSame([], $this->sandbox->requests());
    }

    /** It carries out the commit, and its answer is lost. */
    public function testNothingIsSentAfterACommitWithoutAnAnswer(): void
    {
        $journal = $this->intercepted($pdo);
        $pdo->onCommit = static function (callable $commit): void {
            $commit();
            throw InterceptedPdo::error('HY000', 2013, 'lost connection');
        };
        $failure = self::failure(static function () use ($journal): void {
            $journal->pay(self::card());
        });
        self::assertSame(['JOURNAL', 'UNKNOWN'], [$failure->getCodeName(), $failure->getOutcome()]);
        self::assertStringContainsString('it may be recorded', $failure->getMessage());
        self::assertSame([], $this->sandbox->requests());
        self::assertSame(Settlement::STATE_SENDING, $this->state());
        $this->endLeases();
        self::assertSame(Settlement::STATE_IN_DOUBT, $this->journal->settle('R-1')->getState());
        $this->journal->resolve('R-1', 'Awa', 'the console does not show it', Settlement::STATE_NOT_SENT);
        self::assertFalse($this->journal->pay(self::card())->isRecorded());
    }

    /** Nobody may take it for an order that is not delivered yet. */
    public function testADeliveryWhoseCommitHasNoAnswer(): void
    {
        $this->paid();
        $this->journal->settle('R-1');
        $journal = $this->intercepted($pdo);
        $pdo->onCommit = static function (callable $commit): void {
            $commit();
            throw InterceptedPdo::error('HY000', 2013, 'lost connection');
        };
        $failure = self::failure(static function () use ($journal): void {
            $journal->acknowledge('R-1');
        });
        self::assertSame(['JOURNAL', 'UNKNOWN'], [$failure->getCodeName(), $failure->getOutcome()]);
        self::assertStringContainsString('it may be recorded', $failure->getMessage());
        self::assertFalse($this->journal->acknowledge('R-1')->hasChanged(), 'it was recorded');
    }

    public function testAReplyThatCannotBeRecorded(): void
    {
        foreach (['R-1' => true, 'R-2' => false] as $reference => $isAccepted) {
            $journal = $this->intercepted($pdo);
            $commits = 0;
            $pdo->onCommit = static function (callable $commit) use (&$commits) {
                if (++$commits > 1) {
                    throw InterceptedPdo::error('HY000', 2006, 'the server has gone away');
                }

                return $commit();
            };
            if (!$isAccepted) {
                $this->sandbox->inject(['on' => 'pay', 'action' => ['kind' => 'reply', 'status' => 401]]);
            }
            $failure = self::failure(static function () use ($journal, $reference): void {
                $journal->pay(self::card($reference));
            });
            self::assertInstanceOf(JournalException::class, $failure);
            self::assertSame($isAccepted ? 'UNKNOWN' : 'REFUSED', $failure->getOutcome());
            self::assertStringContainsString('could not be recorded', $failure->getMessage());
            $payments = $this->sandbox->payments();
            self::assertSame($isAccepted ? end($payments)['order_number'] : null, $failure->getOrderNumber());
            $pdo->onCommit = null;
            $this->endLeases();
            self::assertSame(Settlement::STATE_IN_DOUBT, $this->journal->settle($reference)->getState());
        }
    }

    /** A transaction of the journal that lost against others is repeated; one of the caller is not. */
    public function testTransactionsThatLose(): void
    {
        $lost = [
            'mysql' => ['40001', 1213, 'Deadlock found'],
            'pgsql' => ['40P01', 7, 'deadlock detected'],
            'sqlite' => ['40001', 0, 'no such error in SQLite'],
        ][static::driver()];
        $journal = $this->intercepted($pdo);
        $losses = 2;
        $pdo->onCommit = static function (callable $commit) use ($lost, &$losses) {
            if ($losses-- > 0) {
                throw InterceptedPdo::error(...$lost);
            }

            return $commit();
        };
        self::assertFalse($journal->pay(self::card())->isRecorded());
        self::assertLessThan(0, $losses);
        self::assertSame(1, $this->sent());
    }

    public function testTheAttributesOfTheConnection(): void
    {
        $attributes = [
            [PDO::ATTR_STRINGIFY_FETCHES => true, PDO::ATTR_CASE => PDO::CASE_UPPER],
            [PDO::ATTR_EMULATE_PREPARES => true, PDO::ATTR_DEFAULT_FETCH_MODE => PDO::FETCH_OBJ],
            [PDO::ATTR_EMULATE_PREPARES => false, PDO::ATTR_ORACLE_NULLS => PDO::NULL_TO_STRING],
        ];
        foreach ($attributes as $number => $some) {
            // SQLite does not know all of them.
            $some = static::driver() === 'sqlite' ? array_diff_key($some, [PDO::ATTR_EMULATE_PREPARES => 0]) : $some;
            $journal = new Journal($this->client, new PdoStore($this->database->connect($some)));
            $order = (string) $journal->pay(self::card("R-$number"))->getOrderNumber();
            $this->sandbox->decide($order, 'approve');
            self::assertTrue($journal->settle("R-$number")->isToDeliver());
            self::assertTrue($journal->acknowledge("R-$number")->hasChanged());
            self::assertCount($number + 1, $journal->list());
            self::assertNull($journal->get("R-$number")->getPhone());
        }
        $silent = $this->database->connect([PDO::ATTR_ERRMODE => PDO::ERRMODE_SILENT]);
        $failure = self::failure(static function () use ($silent): void {
            new PdoStore($silent);
        });
        self::assertSame('pdo', $failure->getField());
    }

    /** Each journal would deliver once. */
    public function testAClientWithAJournalOfItsOwnIsRefused(): void
    {
        $directory = new TemporaryDirectory();
        $client = $this->client(['journal' => "$directory->path/journal.db"]);
        $failure = self::failure(function () use ($client): void {
            new Journal($client, new PdoStore($this->pdo));
        });
        self::assertInstanceOf(InvalidArgumentException::class, $failure);
        self::assertSame('journal', $failure->getField());
        self::assertStringContainsString('set no journal for the client, or use its own', $failure->getMessage());

        $script = 'require $argv[1]; $pdo = new PDO("sqlite::memory:");'
            . '$pdo->setAttribute(PDO::ATTR_ERRMODE, PDO::ERRMODE_EXCEPTION);'
            . 'try { new FlexPay\Journal\Journal(FlexPay\Client::fromEnvironment(), new FlexPay\Journal\PdoStore($pdo));'
            . ' echo "made"; } catch (FlexPay\Exception\InvalidArgumentException $e) { echo $e->getField(); }';
        $command = [PHP_BINARY, '-r', $script, '--', __DIR__ . '/../../../autoload.php'];
        foreach (["$directory->path/journal.db" => 'journal', ' ' => 'made', '' => 'made'] as $file => $expected) {
            $environment = ['FLEXPAY_JOURNAL' => $file] + $this->sandbox->environment() + getenv();
            self::assertSame([0, $expected], Process::run($command, $environment));
        }
    }

    /** Of one entry, a field is missing. It stops no other, with the gateway and without. */
    public function testADamagedEntryStopsNoOther(): void
    {
        foreach (['kind', 'state', 'attempt'] as $number => $field) {
            $this->pay("A-$number");
            $entry = json_decode((string) $this->pdo->query(
                "SELECT entry FROM flexpay_journal WHERE reference = 'A-$number'"
            )->fetchColumn(), true);
            unset($entry[$field]);
            $this->pdo->prepare('UPDATE flexpay_journal SET entry = ?, lease_until = 0 WHERE reference = ?')
                ->execute([json_encode(['state' => 'SENDING'] + $entry), "A-$number"]);
        }
        $this->pdo->exec("UPDATE flexpay_journal SET entry = REPLACE(entry, '\"ACCEPTED\"', '\"SENDING\"')");
        $token = new CancelToken();
        $token->cancel();
        foreach ([$token, null] as $number => $cancel) {
            $this->paid("R-$number");
            $found = [];
            foreach ($this->journal->reconcile(0, $cancel)->getSettlements() as $one) {
                $found[$one->getReference()] = [$one->getState(), substr((string) $one->getProblem(), 0, 7)];
            }
            self::assertSame($cancel === null ? 'PAID' : 'ACCEPTED', $found["R-$number"][0]);
            self::assertSame(['SENDING', 'INVALID'], $found['A-2'], 'the library cannot read it');
            self::assertArrayNotHasKey('A-0', $found);
        }
        self::assertStringContainsString(
            'cannot be read',
            (string) $this->journal->reconcile()->getStopped()
        );
    }

    /** The database fails in the middle: what was found so far is returned. */
    public function testReconcileStopsWhenTheDatabaseFails(): void
    {
        $this->paid('R-1');
        $this->paid('R-2');
        $this->paid('R-3');
        $journal = $this->intercepted($pdo);
        $commits = 0;
        $pdo->onCommit = static function (callable $commit) use (&$commits) {
            if (++$commits === 2) {
                throw InterceptedPdo::error('HY000', 2006, 'the server has gone away');
            }

            return $commit();
        };
        $found = $journal->reconcile();
        self::assertStringStartsWith('JOURNAL: ', (string) $found->getStopped());
        self::assertCount(3, $found->getSettlements());
        $changed = array_filter($found->getSettlements(), static function (Settlement $one): bool {
            return $one->hasChanged();
        });
        self::assertCount(1, $changed);
        self::assertTrue(current($changed)->isToDeliver());
    }

    public function testADamagedEntryIsAnError(): void
    {
        $this->pay();
        $this->pdo->exec("UPDATE flexpay_journal SET entry = '{'");
        $failure = self::failure(function (): void {
            $this->pay();
        });
        self::assertInstanceOf(JournalException::class, $failure);
        self::assertStringContainsString('R-1', $failure->getMessage());
        // It stops no other.
        $this->pdo->exec("UPDATE flexpay_journal SET reference = 'R-0'");
        $this->paid('R-2');
        $found = $this->journal->reconcile();
        self::assertStringContainsString('the entry of R-0 cannot be read', (string) $found->getStopped());
        self::assertSame(['R-2'], array_map(static function (Settlement $one): string {
            return $one->getReference();
        }, $found->getSettlements()));
        self::assertTrue($this->journal->get('R-2')->isToDeliver());
        $failure = self::failure(function (): void {
            $this->journal->list();
        });
        self::assertInstanceOf(JournalException::class, $failure);
        $this->pdo->exec('DROP TABLE flexpay_journal');
        $failure = self::failure(function (): void {
            $this->pay();
        });
        self::assertInstanceOf(JournalException::class, $failure);
        self::assertSame(2, $this->sent());
    }
}
