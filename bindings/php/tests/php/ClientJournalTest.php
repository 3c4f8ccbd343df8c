<?php

declare(strict_types=1);

namespace FlexPay\Tests;

use FlexPay\CancelToken;
use FlexPay\Client;
use FlexPay\Exception\CallbackException;
use FlexPay\Exception\CancelledException;
use FlexPay\Exception\ConnectionException;
use FlexPay\Exception\FlexPayException;
use FlexPay\Exception\InDoubtException;
use FlexPay\Exception\InProgressException;
use FlexPay\Exception\InvalidArgumentException;
use FlexPay\Exception\JournalException;
use FlexPay\Exception\MismatchException;
use FlexPay\Expected;
use FlexPay\MobileRequest;
use FlexPay\PaymentRequest;
use FlexPay\Settlement;
use FlexPay\Tests\Support\Logger;
use FlexPay\Tests\Support\Process;
use FlexPay\Tests\Support\SandboxTestCase;
use FlexPay\Tests\Support\TemporaryDirectory;
use FlexPay\WaitOptions;

/** A client with a journal in a file. */
final class ClientJournalTest extends SandboxTestCase
{
    private TemporaryDirectory $directory;

    protected function setUp(): void
    {
        parent::setUp();
        $this->directory = new TemporaryDirectory();
    }

    /** @param array<string, mixed> $options */
    private function journalled(array $options = []): Client
    {
        return $this->client($options + ['journal' => $this->file()]);
    }

    private function file(): string
    {
        return $this->directory->path . '/journal.db';
    }

    private function card(string $reference = 'R-1', string $amount = '25.50'): PaymentRequest
    {
        return new PaymentRequest($reference, $amount, 'USD', [
            'callback_url' => 'http://127.0.0.1:9/callback',
            'approve_url' => 'https://shop.example/ok',
            'cancel_url' => 'https://shop.example/cancel',
            'decline_url' => 'https://shop.example/no',
        ]);
    }

    private function pay(Client $client, string $reference = 'R-1'): string
    {
        return (string) $client->pay($this->card($reference))->getOrderNumber();
    }

    /** The gateway accepts a payment, and the reply is lost. */
    private function payInDoubt(Client $client): void
    {
        $this->sandbox->inject(['on' => 'pay', 'action' => ['kind' => 'reset_after_reading']]);
        $failure = self::failure(function () use ($client): void {
            $this->pay($client);
        });
        self::assertInstanceOf(ConnectionException::class, $failure);
    }

    private static function notice(string $reference, string $order): string
    {
        return (string) json_encode(['code' => '0', 'reference' => $reference, 'orderNumber' => $order]);
    }

    private function sent(): int
    {
        return count(array_filter($this->sandbox->requests(), static function (array $request): bool {
            return $request['method'] === 'POST';
        }));
    }

    public function testAPaymentFromBeginningToEnd(): void
    {
        $client = $this->journalled();
        $payment = $client->pay($this->card());
        self::assertFalse($payment->isRecorded());
        $again = $client->pay($this->card());
        self::assertTrue($again->isRecorded());
        self::assertSame($payment->getOrderNumber(), $again->getOrderNumber());
        self::assertSame($payment->getRedirectUrl(), $again->getRedirectUrl());
        self::assertNull($again->getCallTrace());
        self::assertSame(1, $this->sent());

        $open = $client->settle('R-1');
        self::assertSame(Settlement::STATE_ACCEPTED, $open->getState());
        self::assertTrue($open->isOpen());
        self::assertFalse($open->isPaid());
        self::assertSame('PENDING', $open->getLastAnswer());
        self::assertSame($payment->getRedirectUrl(), $open->getRedirectUrl());

        $this->sandbox->decide((string) $payment->getOrderNumber(), 'approve');
        $paid = $client->settle('R-1', new WaitOptions(['interval_ms' => 10]));
        self::assertSame(Settlement::STATE_PAID, $paid->getState());
        self::assertTrue($paid->isPaid() && $paid->hasChanged() && $paid->isToDeliver() && !$paid->isOpen());
        self::assertSame('R-1', $paid->getReference());
        self::assertSame(Expected::KIND_CARD, $paid->getKind());
        self::assertSame(['25.50', 'USD'], [$paid->getAmount(), $paid->getCurrency()]);
        self::assertSame($payment->getOrderNumber(), $paid->getOrderNumber());
        self::assertNull($paid->getPhone());
        self::assertNull($paid->getPage());
        self::assertNull($paid->getOtherOrderNumber());
        self::assertNull($paid->getProblem());
        self::assertMatchesRegularExpression('/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/', $paid->getCreatedAt());
        self::assertGreaterThanOrEqual($paid->getCreatedAt(), $paid->getChangedAt());
        self::assertFalse($client->settle('R-1')->hasChanged());

        self::assertTrue($client->journalAcknowledge('R-1')->hasChanged());
        self::assertFalse($client->journalAcknowledge('R-1')->hasChanged());
        self::assertFalse($client->journalGet('R-1')->isToDeliver());
    }

    public function testTheJournalOfTheEnvironment(): void
    {
        $script = 'require $argv[1]; $client = FlexPay\Client::fromEnvironment();'
            . 'if ($argv[2] === "pay") { $client->pay(new FlexPay\PaymentRequest("R-1", "25.50", "USD", ['
            . '"callback_url" => "http://127.0.0.1:9/", "approve_url" => "https://shop.example/",'
            . '"cancel_url" => "https://shop.example/", "decline_url" => "https://shop.example/"])); }'
            . 'echo $client->journalGet("R-1")->getState(), " ";';
        $environment = ['FLEXPAY_JOURNAL' => $this->file()] + $this->sandbox->environment() + getenv();
        foreach (['pay', 'read'] as $what) {
            $command = [PHP_BINARY, '-r', $script, '--', __DIR__ . '/../../autoload.php', $what];
            self::assertSame([0, 'ACCEPTED '], Process::run($command, $environment));
        }
    }

    public function testOtherTermsAreRefusedByName(): void
    {
        $client = $this->journalled();
        $request = static function (string $amount, string $currency, string $phone): MobileRequest {
            return new MobileRequest('R-1', $amount, $currency, $phone, 'http://127.0.0.1:9/');
        };
        $client->payMobile($request('5750', 'CDF', '0812345678'));
        $others = [
            'amount' => $request('5751', 'CDF', '0812345678'),
            'currency' => $request('5750', 'USD', '0812345678'),
            'phone' => $request('5750', 'CDF', '0812345679'),
        ];
        foreach ($others as $field => $other) {
            $failure = self::failure(static function () use ($client, $other): void {
                $client->payMobile($other);
            });
            self::assertInstanceOf(InvalidArgumentException::class, $failure);
            self::assertSame($field, $failure->getField());
        }
        $failure = self::failure(function () use ($client): void {
            $client->pay($this->card());
        });
        self::assertSame('kind', $failure->getField());
        self::assertTrue($client->payMobile($request('5750.00', 'CDF', '+243 81 234 56 78'))->isRecorded());
        self::assertSame('243812345678', $client->journalGet('R-1')->getPhone());
        self::assertSame(1, $this->sent());
    }

    public function testInDoubtAndACallback(): void
    {
        $client = $this->journalled();
        $this->payInDoubt($client);
        $failure = self::failure(function () use ($client): void {
            $this->pay($client);
        });
        self::assertInstanceOf(InDoubtException::class, $failure);
        self::assertSame(FlexPayException::OUTCOME_UNKNOWN, $failure->getOutcome());
        self::assertSame(Settlement::STATE_IN_DOUBT, $client->settle('R-1')->getState());

        $order = (string) $this->sandbox->payments()[0]['order_number'];
        $this->sandbox->decide($order, 'approve');
        self::assertTrue($client->settleCallback(self::notice('R-1', $order))->hasChanged());
        self::assertTrue($client->journalGet('R-1')->isPaid());
        self::assertSame(1, $this->sent());
    }

    public function testASignedCallback(): void
    {
        $client = $this->journalled(['callback_secret' => 'a secret of the shop']);
        $order = $this->pay($client);
        $query = (string) parse_url((string) $this->sandbox->payments()[0]['callback_url'], PHP_URL_QUERY);
        self::assertNotSame('', $query);
        $this->sandbox->decide($order, 'approve');
        $body = self::notice('R-1', $order);
        $failure = self::failure(static function () use ($client, $body): void {
            $client->settleCallback($body);
        });
        self::assertSame('query', $failure->getField());
        $failure = self::failure(static function () use ($client, $body): void {
            $client->settleCallback($body, 'flexpay-signature=forged');
        });
        self::assertInstanceOf(MismatchException::class, $failure);
        self::assertTrue($client->settleCallback($body, $query)->isPaid());
    }

    public function testCallbacksThatAreNotBelieved(): void
    {
        $client = $this->journalled();
        $this->pay($client);
        $other = $this->pay($client, 'R-2');
        $this->sandbox->decide($other, 'approve');
        $bodies = [
            [self::notice('R-1', $other), MismatchException::class],
            [self::notice('R-3', 'O-3'), InvalidArgumentException::class],
            ['nonsense', CallbackException::class],
        ];
        foreach ($bodies as [$body, $class]) {
            $failure = self::failure(static function () use ($client, $body): void {
                $client->settleCallback($body);
            });
            self::assertInstanceOf($class, $failure);
            if ($class === InvalidArgumentException::class) {
                self::assertSame('reference', $failure->getField());
            }
        }
        self::assertSame('ACCEPTED', $client->journalGet('R-1')->getLastAnswer());
    }

    public function testAPersonResolves(): void
    {
        $client = $this->journalled();
        $this->payInDoubt($client);
        $order = (string) $this->sandbox->payments()[0]['order_number'];
        $refused = [
            'who' => [' ', 'the console shows nothing', Settlement::STATE_NOT_SENT, null],
            'why' => ['Awa', ' ', Settlement::STATE_NOT_SENT, null],
            'state' => ['Awa', 'she said so', Settlement::STATE_PAID, null],
        ];
        foreach ($refused as $field => $arguments) {
            $failure = self::failure(static function () use ($client, $arguments): void {
                $client->journalResolve('R-1', ...$arguments);
            });
            self::assertSame($field, $failure->getField());
        }
        foreach ([[null, null], [Settlement::STATE_FAILED, $order]] as [$state, $number]) {
            $failure = self::failure(static function () use ($client, $state, $number): void {
                $client->journalResolve('R-1', 'Awa', 'console', $state, $number);
            });
            self::assertSame('state', $failure->getField());
        }

        $resolved = $client->journalResolve('R-1', 'Awa', 'console, 14:20', null, $order);
        self::assertSame(Settlement::STATE_IN_DOUBT, $resolved->getState());
        self::assertSame(['Awa', 'console, 14:20'], [$resolved->getResolvedBy(), $resolved->getResolvedWhy()]);
        self::assertSame(Settlement::STATE_ACCEPTED, $client->settle('R-1')->getState());
        self::assertTrue($client->journalResolve('R-1', 'Awa', 'left', Settlement::STATE_CANCELLED)->hasChanged());
        self::assertFalse($client->journalGet('R-1')->isOpen());
    }

    public function testReconcileAndList(): void
    {
        $client = $this->journalled();
        $references = ['R-1', 'R-2', 'R-3'];
        foreach ($references as $reference) {
            $orders[$reference] = $this->pay($client, $reference);
        }
        $this->sandbox->decide($orders['R-1'], 'approve');
        $this->sandbox->inject(
            ['on' => 'check', 'order_number' => $orders['R-3'], 'action' => ['kind' => 'reply', 'status' => 404]]
        );
        $found = $client->reconcile();
        self::assertNull($found->getStopped());
        $states = [];
        foreach ($found->getSettlements() as $settlement) {
            $states[$settlement->getReference()] = [$settlement->getState(), $settlement->isToDeliver()];
            $problem = $settlement->getReference() === 'R-3' ? 'REFUSED' : '';
            self::assertSame($problem, explode(':', (string) $settlement->getProblem())[0]);
        }
        ksort($states);
        self::assertSame(
            ['R-1' => ['PAID', true], 'R-2' => ['ACCEPTED', false], 'R-3' => ['ACCEPTED', false]],
            $states
        );

        $listed = static function (string ...$arguments) use ($client): array {
            return array_map(static function (Settlement $one): string {
                return $one->getReference();
            }, $client->journalList(...$arguments));
        };
        self::assertSame($references, $listed());
        self::assertSame(['R-1'], $listed(Client::JOURNAL_TO_DELIVER));
        self::assertSame(['R-2', 'R-3'], $listed(Client::JOURNAL_OPEN));
        self::assertSame([], $listed(Client::JOURNAL_IN_DOUBT));
        self::assertSame(['R-3'], $listed(Client::JOURNAL_ALL, 'R-2'));
        self::assertCount(1, $client->journalList(Client::JOURNAL_ALL, '', 1));
        $failure = self::failure(static function () use ($listed): void {
            $listed('all');
        });
        self::assertSame('filter', $failure->getField());
        foreach ([-1, 4294967296] as $limit) {
            $failure = self::failure(static function () use ($client, $limit): void {
                $client->journalList(Client::JOURNAL_ALL, '', $limit);
            });
            self::assertSame('limit', $failure->getField());
        }
    }

    public function testReconcileStopsWhenTheGatewayCannotBeReached(): void
    {
        $client = $this->journalled();
        foreach (['R-1', 'R-2', 'R-3'] as $reference) {
            $this->pay($client, $reference);
        }
        $this->sandbox->inject(
            ['on' => 'check', 'times' => null, 'action' => ['kind' => 'html', 'status' => 502]]
        );
        $found = $this->journalled(['check_once' => true])->reconcile();
        self::assertStringContainsString('GATEWAY', (string) $found->getStopped());
        self::assertCount(3, $found->getSettlements());

        $token = new CancelToken();
        $token->cancel();
        self::assertStringContainsString('cancelled', (string) $client->reconcile(0, $token)->getStopped());
        $failure = self::failure(static function () use ($client, $token): void {
            $client->settle('R-1', new WaitOptions(['cancel' => $token]));
        });
        self::assertInstanceOf(CancelledException::class, $failure);
    }

    public function testPrune(): void
    {
        $client = $this->journalled();
        $this->sandbox->decide($this->pay($client), 'approve');
        self::assertTrue($client->settle('R-1')->isToDeliver());
        self::assertSame(0, $client->journalPrune(0), 'it is not delivered');
        $client->journalAcknowledge('R-1');
        self::assertSame(0, $client->journalPrune(400));
        $database = new \PDO('sqlite:' . $this->file());
        $database->exec("UPDATE entries SET changed_at = '2020-01-01T00:00:00Z'");
        self::assertSame(1, $client->journalPrune(400));
        foreach (['pay', 'journalGet'] as $call) {
            $failure = self::failure(function () use ($client, $call): void {
                $call === 'pay' ? $this->pay($client) : $client->journalGet('R-1');
            });
            self::assertInstanceOf(InvalidArgumentException::class, $failure);
            self::assertSame('reference', $failure->getField());
        }
        self::assertSame(1, $this->sent());
    }

    public function testAJournalThatCannotBeOpened(): void
    {
        file_put_contents($this->file(), 'not a journal');
        $client = $this->journalled();
        $failure = self::failure(function () use ($client): void {
            $this->pay($client);
        });
        self::assertInstanceOf(JournalException::class, $failure);
        self::assertSame(FlexPayException::OUTCOME_NOT_SENT, $failure->getOutcome());
        self::assertStringContainsString($this->file(), $failure->getMessage());
        self::assertSame([], $this->sandbox->requests());
    }

    public function testWithoutAJournal(): void
    {
        $client = $this->client();
        $calls = [
            'settle' => ['R-1'], 'settleCallback' => ['{}'], 'reconcile' => [], 'journalGet' => ['R-1'],
            'journalList' => [], 'journalAcknowledge' => ['R-1'], 'journalPrune' => [1],
            'journalResolve' => ['R-1', 'Awa', 'console', Settlement::STATE_FAILED],
        ];
        foreach ($calls as $call => $arguments) {
            $failure = self::failure(static function () use ($client, $call, $arguments): void {
                $client->$call(...$arguments);
            });
            self::assertInstanceOf(InvalidArgumentException::class, $failure);
            self::assertSame('journal', $failure->getField());
            $client->close();
            $failure = self::failure(static function () use ($client, $call, $arguments): void {
                $client->$call(...$arguments);
            });
            self::assertInstanceOf(\FlexPay\Exception\ClosedException::class, $failure);
            $client = $this->client();
        }
    }

    /** Another process is sending: its request is delayed. */
    public function testInProgress(): void
    {
        $this->sandbox->inject(['on' => 'pay', 'action' => ['kind' => 'delay', 'ms' => 3000]]);
        $script = 'require $argv[1]; $client = new FlexPay\Client(json_decode($argv[2], true));'
            . '$client->pay(unserialize(base64_decode($argv[3])));';
        $options = $this->sandbox->options(['journal' => $this->file()]);
        $process = new Process([PHP_BINARY, '-r', $script, '--', __DIR__ . '/../../autoload.php',
            (string) json_encode($options), base64_encode(serialize($this->card()))], null, $this->directory->path . '/log');
        $process->waitUntil(function (): bool {
            return $this->sandbox->payments() !== [];
        }, 'the other process');
        $client = $this->journalled();
        $failure = self::failure(function () use ($client): void {
            $this->pay($client);
        });
        self::assertInstanceOf(InProgressException::class, $failure);
        $process->waitForExit();
        self::assertTrue($client->pay($this->card())->isRecorded());
        self::assertSame(1, $this->sent());
    }

    public function testEachCallIsLogged(): void
    {
        $logger = new Logger();
        $client = new Client($this->sandbox->options(['journal' => $this->file()]), $logger);
        $order = $this->pay($client);
        $client->pay($this->card());
        $client->settle('R-1');
        $client->settleCallback(self::notice('R-1', $order));
        $client->reconcile();
        $client->journalList();
        $client->journalGet('R-1');
        $client->journalResolve('R-1', 'Awa', 'left', Settlement::STATE_FAILED);
        $client->journalPrune(1);
        self::failure(static function () use ($client): void {
            $client->journalAcknowledge('R-1');
        });
        $lines = array_map(static function (array $record): string {
            return "$record[0] {$record[2]['call']} $record[1]";
        }, $logger->records);
        self::assertSame([
            "debug pay FlexPay pay: OK, the gateway accepted it as order $order",
            "debug pay FlexPay pay: OK, the journal has it, nothing was sent now as order $order",
            'debug settle FlexPay settle: OK, R-1 is ACCEPTED',
            'debug settle_callback FlexPay settle_callback: OK, R-1 is ACCEPTED',
            'debug reconcile FlexPay reconcile: OK, 1 entries',
            'debug journal_list FlexPay journal_list: OK, 1 entries',
            'debug journal_get FlexPay journal_get: OK, R-1 is ACCEPTED',
            'debug journal_resolve FlexPay journal_resolve: OK, R-1 is FAILED',
            'debug journal_prune FlexPay journal_prune: OK, 0 entries',
            'warning journal_acknowledge FlexPay journal_acknowledge: INVALID, '
                . 'reference: is not paid: its state is FAILED',
        ], $lines);
    }
}
