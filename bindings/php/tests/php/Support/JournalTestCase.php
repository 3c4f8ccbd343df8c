<?php

declare(strict_types=1);

namespace FlexPay\Tests\Support;

use FlexPay\Client;
use FlexPay\Exception\ConnectException;
use FlexPay\Exception\ConnectionException;
use FlexPay\Journal\Journal;
use FlexPay\Journal\PdoStore;
use FlexPay\PaymentRequest;
use FlexPay\Settlement;
use PDO;

/** A test of the journal in a database of the shop. */
abstract class JournalTestCase extends SandboxTestCase
{
    protected Database $database;

    protected PDO $pdo;

    protected Client $client;

    protected Journal $journal;

    /** The name of the PDO driver. */
    abstract protected static function driver(): string;

    protected function setUp(): void
    {
        parent::setUp();
        $this->database = Database::fresh(static::driver());
        $this->pdo = $this->database->connect();
        $this->client = $this->client(['allow_payout' => true]);
        $this->journal = new Journal($this->client, new PdoStore($this->pdo));
    }

    protected static function card(string $reference = 'R-1', string $amount = '25.50'): PaymentRequest
    {
        return new PaymentRequest($reference, $amount, 'USD', [
            'callback_url' => 'http://127.0.0.1:9/callback',
            'approve_url' => 'https://shop.example/ok',
            'cancel_url' => 'https://shop.example/cancel',
            'decline_url' => 'https://shop.example/no',
        ]);
    }

    protected function pay(string $reference = 'R-1'): string
    {
        return (string) $this->journal->pay(self::card($reference))->getOrderNumber();
    }

    protected function paid(string $reference = 'R-1'): string
    {
        $order = $this->pay($reference);
        $this->sandbox->decide($order, 'approve');

        return $order;
    }

    /** The gateway accepts a payment, and the reply is lost. Returns its order number. */
    protected function payInDoubt(string $reference = 'R-1'): string
    {
        $this->sandbox->inject(['on' => 'pay', 'action' => ['kind' => 'reset_after_reading']]);
        $failure = self::failure(function () use ($reference): void {
            $this->pay($reference);
        });
        self::assertInstanceOf(ConnectionException::class, $failure);
        $payments = $this->sandbox->payments();

        return (string) end($payments)['order_number'];
    }

    /** The gateway cannot be reached. */
    protected function notSent(string $reference = 'R-1'): void
    {
        $unreachable = $this->client(['pay_url' => 'http://127.0.0.1:' . Http::freePort() . '/']);
        $failure = self::failure(function () use ($unreachable, $reference): void {
            (new Journal($unreachable, new PdoStore($this->pdo)))->pay(self::card($reference));
        });
        self::assertInstanceOf(ConnectException::class, $failure);
    }

    protected static function notice(?string $reference, string $order): string
    {
        return (string) json_encode(['code' => '0', 'reference' => $reference, 'orderNumber' => $order]);
    }

    /** The number of requests for payments that the gateway received. */
    protected function sent(): int
    {
        return count(array_filter($this->sandbox->requests(), static function (array $request): bool {
            return $request['method'] === 'POST';
        }));
    }

    protected function state(string $reference = 'R-1'): string
    {
        return $this->journal->get($reference)->getState();
    }

    /** The time of all leases has passed. */
    protected function endLeases(): void
    {
        $this->database->connect()->exec('UPDATE flexpay_journal SET lease_until = 0');
    }

    /** @return list<string> */
    protected function listed(string $filter = Client::JOURNAL_ALL, string $after = '', int $limit = 100): array
    {
        return array_map(static function (Settlement $one): string {
            return $one->getReference();
        }, $this->journal->list($filter, $after, $limit));
    }

    protected function deliveries(string $reference): int
    {
        $find = $this->database->connect()->prepare('SELECT deliveries FROM orders WHERE reference = ?');
        $find->execute([$reference]);

        return (int) $find->fetchColumn();
    }

    /**
     * Starts a process of tests/journal_worker.php.
     *
     * @param list<string> $references
     * @param string       $go         the file that it waits for
     */
    protected function worker(string $do, array $references, string $log, string $go = __FILE__): Process
    {
        $given = [
            'dsn' => $this->database->dsn(),
            'sandbox' => $this->sandbox->url(),
            'options' => $this->sandbox->options(),
            'do' => $do,
            'references' => $references,
            'go' => $go,
        ];

        return new Process([PHP_BINARY, __DIR__ . '/../../journal_worker.php', (string) json_encode($given)], null, $log);
    }

    /** A journal on a connection of its own, which is put into $pdo. */
    protected function intercepted(?InterceptedPdo &$pdo): Journal
    {
        $pdo = Database::connectTo($this->database->dsn(), InterceptedPdo::class);

        return new Journal($this->client, new PdoStore($pdo));
    }
}
