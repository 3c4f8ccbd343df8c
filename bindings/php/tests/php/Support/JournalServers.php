<?php

declare(strict_types=1);

namespace FlexPay\Tests\Support;

use FlexPay\Exception\JournalException;
use FlexPay\Journal\Journal;
use FlexPay\Journal\PdoStore;
use FlexPay\Settlement;

/** The journal in a database that is a server. */
trait JournalServers
{
    /** The connection is lost while the gateway has the request. */
    public function testAConnectionThatIsLostDuringTheRequest(): void
    {
        $directory = new TemporaryDirectory();
        $before = $this->database->ids($this->pdo);
        $this->sandbox->inject(['on' => 'pay', 'action' => ['kind' => 'delay', 'ms' => 3000]]);
        $sender = $this->worker('pay', ['R-1'], $directory->path . '/log');
        $sender->waitUntil(function (): bool {
            return $this->sandbox->payments() !== [];
        }, 'the request');
        foreach (array_diff($this->database->ids($this->pdo), $before) as $id) {
            $this->database->kill($this->pdo, $id);
        }
        $sender->waitForExit();
        self::assertStringContainsString(
            'R-1 failed JOURNAL UNKNOWN the gateway accepted the payment, but this could not be recorded',
            $sender->log()
        );
        self::assertSame(Settlement::STATE_SENDING, $this->state());
        $this->endLeases();
        self::assertSame(Settlement::STATE_IN_DOUBT, $this->journal->settle('R-1')->getState());
        $order = (string) $this->sandbox->payments()[0]['order_number'];
        self::assertSame(Settlement::STATE_ACCEPTED, $this->journal->settleCallback(self::notice('R-1', $order))->getState());
    }

    /** The caller's transaction began before another process changed the entry. */
    public function testATransactionThatBeganBefore(): void
    {
        $this->paid();
        $other = new Journal($this->client, new PdoStore($this->database->connect()));
        $this->pdo->beginTransaction();
        self::assertSame([], $this->pdo->query('SELECT * FROM orders')->fetchAll());
        self::assertSame(Settlement::STATE_ACCEPTED, $this->state());
        self::assertTrue($other->settle('R-1')->hasChanged());
        self::assertFalse($this->journal->settle('R-1')->hasChanged(), 'the other one has changed it');
        self::assertTrue($this->journal->acknowledge('R-1')->hasChanged());
        $this->pdo->commit();
        self::assertFalse($other->acknowledge('R-1')->hasChanged());
    }

    /** Between the reading and the writing of an entry, another process changes it. */
    public function testAnotherProcessIsFaster(): void
    {
        $this->notSent();
        $journal = $this->intercepted($pdo);
        $pdo->onPrepare = function (string $sql) use ($pdo): void {
            if (strncmp($sql, 'UPDATE', 6) === 0) {
                $pdo->onPrepare = null;
                self::assertFalse($this->journal->pay(self::card())->isRecorded());
            }
        };
        self::assertTrue($journal->pay(self::card())->isRecorded());
        self::assertSame(1, $this->sent());
    }

    /** It locks the order and then the journal, and another process the other way round. */
    public function testADeadlockOfTheCaller(): void
    {
        $this->paid();
        $this->journal->settle('R-1');
        $this->pdo->exec("INSERT INTO orders VALUES ('R-1', 0)");
        $directory = new TemporaryDirectory();
        $other = $this->worker('cross', ['R-1'], $directory->path . '/log');
        $deliver = function (callable $meanwhile): void {
            $this->pdo->beginTransaction();
            $this->pdo->exec("UPDATE orders SET deliveries = deliveries + 1 WHERE reference = 'R-1'");
            $meanwhile();
            if ($this->journal->acknowledge('R-1')->hasChanged()) {
                $this->pdo->commit();
            } else {
                $this->pdo->rollBack();
            }
        };
        try {
            $deliver(static function () use ($other): void {
                $other->waitUntil(static function () use ($other): bool {
                    return strpos($other->log(), 'acknowledged') !== false;
                }, 'the other process');
            });
            $isLost = false;
        } catch (JournalException $lost) {
            $isLost = true;
            self::assertInstanceOf(\PDOException::class, $lost->getPrevious());
            self::assertMatchesRegularExpression('/deadlock/i', $lost->getMessage());
            $this->pdo->rollBack();
        }
        $other->waitForExit();
        self::assertSame($isLost, strpos($other->log(), 'delivered') !== false, $other->log());
        // Whoever lost tries again.
        $deliver(static function (): void {
        });
        self::assertSame(1, $this->deliveries('R-1'));
        self::assertFalse($this->journal->get('R-1')->isToDeliver());
    }
}
