<?php

declare(strict_types=1);

namespace FlexPay\Tests;

use FlexPay\Exception\MismatchException;
use FlexPay\Internal\LoadErrors;
use FlexPay\Internal\Platform;
use FlexPay\Journal\PdoStore;
use FlexPay\Tests\Support\Http;
use FlexPay\Tests\Support\Process;
use FlexPay\Tests\Support\SandboxTestCase;
use FlexPay\Tests\Support\TemporaryDirectory;

/** Runs the code and commands of the README. */
final class ReadmeTest extends SandboxTestCase
{
    private static function text(): string
    {
        return (string) file_get_contents(__DIR__ . '/../../README.md');
    }

    /** @return list<string> */
    private static function blocks(string $kind): array
    {
        preg_match_all('/^```' . $kind . '\n(.*?)^```$/sm', self::text(), $found);

        return $found[1];
    }

    public function testTheShopRedirectsToTheCardPage(): void
    {
        $directory = new TemporaryDirectory();
        symlink((string) realpath(__DIR__ . '/../..'), $directory->path . '/php');
        file_put_contents($directory->path . '/shop.php', self::blocks('php')[1]);
        self::assertSame(1, preg_match('/^\$ php (.*)127\.0\.0\.1:8080$/m', self::blocks('console')[1], $found));
        $port = Http::freePort();
        $server = new Process(
            ['sh', '-c', "cd {$directory->path} && exec " . PHP_BINARY . " {$found[1]}127.0.0.1:$port"],
            $this->sandbox->environment() + getenv(),
            $directory->path . '/log'
        );
        $server->waitUntil(static function () use ($port): bool {
            return Http::isListening("tcp://127.0.0.1:$port");
        }, "PHP's built-in server");
        $context = stream_context_create(['http' => ['follow_location' => 0]]);
        file_get_contents("http://127.0.0.1:$port/shop.php", false, $context);
        $server->stop();
        self::assertStringStartsWith('TEST-', $this->sandbox->payments()[0]['reference']);
        self::assertContains('Location: ' . $this->sandbox->payments()[0]['checkout_url'], $http_response_header);
    }

    public function testTheProgramIsChosen(): void
    {
        $class = 'get_class(FlexPay\Internal\Transports::current())';
        $this->runBlock(0, '$token = "x";', "echo $class;", 'FlexPay\Internal\Program');
    }

    public function testTheFunctionsThatTheProgramNeeds(): void
    {
        preg_match('/^- PHP must allow (.*)\. Some hosts/m', self::text(), $found);
        preg_match_all('/`(\w+)`/', $found[1], $named);
        $functions = new \ReflectionClassConstant(\FlexPay\Internal\ProgramProcess::class, 'FUNCTIONS');
        self::assertSame($functions->getValue(), $named[1]);
    }

    public function testTheSettingsCreateAClient(): void
    {
        $this->runBlock(2, '$token = "x";', 'echo get_class($client);', 'FlexPay\Client');
    }

    /** @return iterable<string, array{string, string}> */
    public function decisions(): iterable
    {
        yield 'paid' => ['approve', 'PAID'];
        yield 'declined' => ['decline', 'FAILED'];
        yield 'cancelled' => ['cancel', 'CANCELLED'];
    }

    /** @dataProvider decisions */
    public function testEveryStateIsRecorded(string $decision, string $state): void
    {
        $request = $this->request();
        $number = (string) $this->client()->pay($request)->getOrderNumber();
        $this->sandbox->decide($number, $decision);
        $reference = $this->sandbox->payments()[0]['reference'];
        $order = ['reference' => $reference, 'amount' => '25.50', 'currency' => 'USD', 'order_number' => $number,
            'state' => 'PENDING'];
        $callback = json_encode(['code' => '0', 'reference' => $reference, 'orderNumber' => $number]);
        $before = '$client = Client::fromEnvironment(); $order = ' . var_export($order, true) . ';';
        $this->runBlock(3, $before, 'echo $order["state"];', $state, (string) $callback);
    }

    public function testAPaymentByMobileMoney(): void
    {
        $order = ['reference' => 'TEST-1', 'amount' => '575', 'currency' => 'CDF'];
        // In the sandbox, the holder of this phone confirms at once.
        $before = '$client = Client::fromEnvironment(); $_POST["phone"] = "081 000 00 01"; $order = '
            . var_export($order, true) . ';';
        $this->runBlock(4, $before, 'echo $transaction->getState();', 'PAID');
        self::assertSame('mobile', $this->sandbox->payments()[0]['kind']);
    }

    public function testAPayout(): void
    {
        $refund = ['reference' => 'OUT-1', 'amount' => '5', 'currency' => 'USD', 'phone' => '0812345678'];
        $before = '$client = Client::fromEnvironment(); $refund = ' . var_export($refund, true) . ';';
        putenv('FLEXPAY_ALLOW_PAYOUT=1');
        try {
            $this->runBlock(5, $before, 'var_dump($refund["done"]);', "bool(true)\n");
        } finally {
            putenv('FLEXPAY_ALLOW_PAYOUT');
        }
        self::assertSame('payout', $this->sandbox->payments()[0]['kind']);
    }

    public function testAJournalInAFile(): void
    {
        $directory = new TemporaryDirectory();
        // In the sandbox, the holder of this phone confirms at once.
        $before = "\$request = new FlexPay\\MobileRequest('MLO-1', '575', 'CDF', '081 000 00 01', 'http://127.0.0.1:9/');";
        putenv("FLEXPAY_JOURNAL=$directory->path/flexpay.db");
        try {
            $this->runBlock(6, $before, '', 'Deliver MLO-1');
            $this->runBlock(6, $before, '', '');
        } finally {
            putenv('FLEXPAY_JOURNAL');
        }
        self::assertCount(1, $this->sandbox->payments());
    }

    public function testAJournalInTheShopsDatabase(): void
    {
        $directory = new TemporaryDirectory();
        $pdo = new \PDO("sqlite:$directory->path/shop.sqlite", null, null, [\PDO::ATTR_ERRMODE => \PDO::ERRMODE_EXCEPTION]);
        $pdo->exec('CREATE TABLE orders (reference TEXT, paid INTEGER)');
        $pdo->exec("INSERT INTO orders VALUES ('MLO-1', 0)");
        (new PdoStore($pdo))->createTable();
        $before = "\$pdo = new PDO('sqlite:$directory->path/shop.sqlite', null, null,"
            . ' [PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION]); $client = Client::fromEnvironment();'
            . 'function deliver($reference) { echo "deliver $reference\n"; }'
            . 'function request($reference) { return new FlexPay\PaymentRequest($reference, "25.50", "USD", '
            . var_export(array_fill_keys(['callback_url', 'approve_url', 'cancel_url', 'decline_url'], 'http://127.0.0.1:9/'), true)
            . '); } ';
        $this->runBlock(7, "$before\$request = request('MLO-1');", 'var_dump($payment->isRecorded());', "bool(false)\n");
        $this->runBlock(7, "$before\$request = request('MLO-1');", 'var_dump($payment->isRecorded());', "bool(true)\n");
        $number = (string) $this->sandbox->payments()[0]['order_number'];
        $this->sandbox->decide($number, 'approve');
        $this->runBlock(9, $before, '', "deliver MLO-1\n");
        $callback = (string) json_encode(['code' => '0', 'reference' => 'MLO-1', 'orderNumber' => $number]);
        $this->runBlock(8, $before, '', '', $callback);
        self::assertSame(1, (int) $pdo->query('SELECT paid FROM orders')->fetchColumn());
        $this->runBlock(9, $before, '', '');

        $this->sandbox->inject(['on' => 'pay', 'action' => ['kind' => 'reset_after_reading']]);
        $catch = 'try { $journal = new FlexPay\Journal\Journal($client, new FlexPay\Journal\PdoStore($pdo));'
            . " \$journal->pay(request('MLO-2')); } catch (FlexPay\Exception\ConnectionException \$lost) {}";
        $this->runBlock(9, "$before$catch", '', "Look for MLO-2 in FlexPay's merchant console\n");
        preg_match('/`(\$journal->resolve\(.*?\))`/', self::text(), $resolve);
        $resolve = str_replace('ZANDO-1048', 'MLO-2', $resolve[1]);
        $this->runBlock(9, $before, "echo {$resolve}->getState();", "Look for MLO-2 in FlexPay's merchant console\nNOT_SENT");
    }

    public function testThePythonPackageHasTheSameTable(): void
    {
        foreach (['mysql' => 'mysql', 'pgsql' => 'postgresql', 'sqlite' => 'sqlite'] as $driver => $name) {
            $file = __DIR__ . "/../../../python/flexpay/journal/$name.sql";
            self::assertStringEqualsFile($file, PdoStore::schema($driver));
        }
    }

    public function testALogger(): void
    {
        $number = (string) $this->client()->payMobile($this->mobileRequest())->getOrderNumber();
        $before = '$logger = new class { public function log($level, $message, array $context) {'
            . ' echo $level, " ", $context["call"], " ", $context["trace"]["call"]; } };'
            . '$order = ' . var_export(['order_number' => $number], true) . ';';
        putenv('FLEXPAY_TRACE=1');
        try {
            $this->runBlock(10, $before, '', 'debug check check');
        } finally {
            putenv('FLEXPAY_TRACE');
        }
    }

    public function testTheTraceIsARealOne(): void
    {
        $client = $this->client([
            'check_url' => $this->sandbox->httpsUrl() . '/api/rest/v1/check',
            'ca_file' => $this->sandbox->caFile(),
            'private_connections' => true,
            'trace' => true,
        ]);
        $number = (string) $client->payMobile($this->mobileRequest())->getOrderNumber();
        $real = json_decode((string) $client->check($number)->getCallTrace(), true);
        $readme = json_decode(self::blocks('json')[1], true, 512, JSON_THROW_ON_ERROR);
        self::assertSame(self::shape($real), self::shape($readme));
    }

    /**
     * A trace without what differs from call to call.
     *
     * @param array<string, mixed> $trace
     *
     * @return array<string, mixed>
     */
    private static function shape(array $trace): array
    {
        $varying = array_flip(['ms', 'address', 'cipher', 'bytes', 'date']);
        $trace['correlation_id'] = strlen($trace['correlation_id']);
        foreach ($trace['steps'] as $at => $step) {
            $trace['steps'][$at] = array_merge($step, array_intersect_key($varying, $step));
        }

        return $trace;
    }

    /** Runs a block with code before and after it, and with $body as the request body. */
    private function runBlock(int $n, string $before, string $after, string $expected, string $body = ''): void
    {
        $directory = new TemporaryDirectory();
        $code = str_replace("'php://input'", var_export($directory->path . '/body', true), self::blocks('php')[$n]);
        file_put_contents($directory->path . '/body', $body);
        file_put_contents($directory->path . '/block.php', '<?php require '
            . var_export(__DIR__ . '/../../autoload.php', true) . ";\nuse FlexPay\\Client;\n$before\n$code\n$after");
        [$status, $output] = Process::run(
            [PHP_BINARY, $directory->path . '/block.php'],
            $this->sandbox->environment() + getenv()
        );
        self::assertSame(0, $status, $output);
        self::assertSame($expected, $output);
    }

    public function testASignedUrlIsOnlyAcceptedForItsOrder(): void
    {
        $command = str_replace('$ php', PHP_BINARY, trim(self::blocks('console')[2]));
        [$status, $secret] = Process::run(['sh', '-c', $command]);
        self::assertSame(0, $status, $secret);
        $secret = trim($secret);
        self::assertMatchesRegularExpression('/^[0-9a-f]{64}$/', $secret);
        $client = $this->client(['callback_secret' => $secret]);
        $number = (string) $client->pay($this->request())->getOrderNumber();
        $payment = $this->sandbox->payments()[0];
        $query = (string) parse_url($payment['callback_url'], PHP_URL_QUERY);
        $body = (string) json_encode(['code' => '0', 'reference' => $payment['reference'], 'orderNumber' => $number]);
        $expected = static function (string $amount, string $query) use ($payment, $number): \FlexPay\Expected {
            return new \FlexPay\Expected($payment['reference'], $amount, 'USD', $number, $query);
        };
        self::assertSame('PENDING', $client->verifyCallback($body, $expected('25.50', $query))->getState());
        $sent = count($this->sandbox->requests());
        foreach ([['25.50', ''], ['25.50', 'signature=forged'], ['900', $query]] as [$amount, $wrongQuery]) {
            $failure = self::failure(static function () use ($client, $body, $expected, $amount, $wrongQuery): void {
                $client->verifyCallback($body, $expected($amount, $wrongQuery));
            });
            self::assertInstanceOf(MismatchException::class, $failure, $failure->getMessage());
        }
        self::assertCount($sent, $this->sandbox->requests(), 'no check was sent');
        // After a change, the old secret is still accepted as callback_secret_previous.
        $changed = $this->client([
            'callback_secret' => strrev($secret),
            'callback_secret_previous' => $secret,
        ]);
        self::assertSame('PENDING', $changed->verifyCallback($body, $expected('25.50', $query))->getState());
    }

    public function testTheIniLinesEqualTheMessage(): void
    {
        preg_match_all('/^(\S+)=/m', self::blocks('ini')[0], $readme);
        preg_match_all('/^  (\S+)=/m', LoadErrors::remedy('fpm-fcgi'), $message);
        self::assertSame($message[1], $readme[1]);

        preg_match_all('/^(\S+=\S+)$/m', self::blocks('ini')[1], $readme);
        preg_match_all('/^  (\S+)$/m', LoadErrors::remedy('apache2handler', 'Windows'), $message);
        self::assertSame(array_merge(['extension=ffi'], $message[1]), $readme[1]);
    }

    public function testTheTableHasEachPlatform(): void
    {
        preg_match_all('/^\| (`.*?`) \| /m', explode('**With Composer.**', self::text())[0], $rows);
        preg_match_all('/`(.*?)`/', implode(' ', $rows[1]), $names);
        self::assertSame(Platform::NAMES, $names[1]);
    }

    public function testThereAreNoOtherBlocks(): void
    {
        self::assertCount(11, self::blocks('php'));
        self::assertCount(3, self::blocks('console'));
        self::assertCount(2, self::blocks('json')); // the first one is for composer.json
        self::assertCount(2, self::blocks('ini'));
    }

    public function testEveryExceptionAndOutcomeIsInATable(): void
    {
        foreach (glob(__DIR__ . '/../../src/Exception/*Exception.php') ?: [] as $file) {
            self::assertStringContainsString(basename($file, '.php') . '`', self::text());
        }
        $names = (new \ReflectionClass(\FlexPay\Exception\FlexPayException::class))->getConstants();
        foreach ($names as $name => $value) {
            if (strpos($name, 'OUTCOME_') === 0) {
                self::assertStringContainsString("| `$value` |", self::text());
            }
        }
    }
}
