<?php

declare(strict_types=1);

namespace FlexPay\Tests;

use FlexPay\Client;
use FlexPay\Exception\ClosedException;
use FlexPay\Exception\FlexPayException;
use FlexPay\Exception\InvalidArgumentException;
use FlexPay\Expected;
use FlexPay\PayoutRequest;
use FlexPay\Tests\Support\Http;
use FlexPay\Tests\Support\Logger;
use FlexPay\Tests\Support\Process;
use FlexPay\Tests\Support\SandboxTestCase;
use FlexPay\Tests\Support\TemporaryDirectory;
use FlexPay\WaitOptions;

/** A client with a PSR-3 logger. */
final class LoggerTest extends SandboxTestCase
{
    private Logger $logger;

    protected function setUp(): void
    {
        parent::setUp();
        $this->logger = new Logger();
    }

    protected function tearDown(): void
    {
        $all = (string) json_encode($this->logger->records, JSON_UNESCAPED_SLASHES | JSON_PARTIAL_OUTPUT_ON_ERROR);
        self::assertStringNotContainsString($this->sandbox->token(), $all);
    }

    /** @param array<string, mixed> $options */
    private function logged(array $options = []): Client
    {
        return new Client($this->sandbox->options($options), $this->logger);
    }

    /** @return array<string, mixed> the context of the only record, which is removed */
    private function record(string $level, string $message): array
    {
        self::assertCount(1, $this->logger->records);
        [$loggedLevel, $loggedMessage, $context] = $this->logger->records[0];
        $this->logger->records = [];
        self::assertSame($level, $loggedLevel);
        self::assertStringStartsWith($message, $loggedMessage);
        self::assertSame(['call', 'result', 'outcome', 'correlation_id', 'trace'], array_keys($context));

        return $context;
    }

    /** @param array<string, mixed> $options */
    private function mobileFailure(array $options = []): FlexPayException
    {
        $client = $this->logged($options);
        $request = $this->mobileRequest();

        return self::failure(static function () use ($client, $request): void {
            $client->payMobile($request);
        });
    }

    public function testEachCallWritesOneRecord(): void
    {
        $client = $this->logged(['allow_payout' => true]);
        $request = $this->mobileRequest('0812345678', '575', 'CDF', ['correlation_id' => 'panier-7']);
        $order = (string) $client->payMobile($request)->getOrderNumber();
        $context = $this->record('debug', "FlexPay pay_mobile: OK, the gateway accepted it as order $order");
        self::assertSame('pay_mobile', $context['call']);
        self::assertSame('OK', $context['result']);
        self::assertNull($context['outcome']);
        self::assertSame('panier-7', $context['correlation_id']);
        self::assertSame('pay_mobile', $context['trace']['call']);
        self::assertSame('attempt', $context['trace']['steps'][0]['step']);

        $this->sandbox->decide($order, 'approve');
        $expected = new Expected($request->getReference(), 575, 'CDF', $order, null, Expected::KIND_MOBILE);
        $body = (string) json_encode(['code' => '0', 'reference' => $request->getReference()]);
        $client->pay($this->request());
        self::assertSame('pay', $this->record('debug', 'FlexPay pay: OK, ')['call']);
        $client->payout(new PayoutRequest('out-1', 5, 'USD', '0812345678', 'http://127.0.0.1:9/callback'));
        self::assertSame('payout', $this->record('debug', 'FlexPay payout: OK, ')['call']);
        $client->check($order);
        $this->record('debug', "FlexPay check: OK, order $order is PAID");
        $client->wait($order, new WaitOptions(['expected' => $expected]));
        $this->record('debug', "FlexPay wait: OK, order $order is PAID");
        $client->verifyOrder($expected);
        $this->record('debug', "FlexPay verify_order: OK, order $order is PAID");
        $client->verifyCallback($body, $expected);
        $this->record('debug', "FlexPay verify_callback: OK, order $order is PAID");
    }

    public function testALoggerTurnsTheTraceOn(): void
    {
        foreach ([[], ['trace' => false], ['trace' => true]] as $options) {
            self::assertNotNull($this->logged($options)->payMobile($this->mobileRequest())->getCallTrace());
        }
        self::assertNull((new Client($this->sandbox->options(), null))->pay($this->request())->getCallTrace());
    }

    public function testNothingWasSent(): void
    {
        $failure = $this->mobileFailure(['mobile_url' => 'http://127.0.0.1:' . Http::freePort() . '/']);
        $context = $this->record('warning', 'FlexPay pay_mobile: CONNECT, ' . $failure->getMessage());
        self::assertSame('CONNECT', $context['result']);
        self::assertSame('NOT_SENT', $context['outcome']);
        self::assertSame('CONNECT', end($context['trace']['steps'])['result']);
        self::assertSame($context['trace']['correlation_id'], $context['correlation_id']);
    }

    public function testTheGatewayRefuses(): void
    {
        $this->mobileFailure(['token' => 'not-the-token']);
        $context = $this->record('warning', 'FlexPay pay_mobile: UNAUTHORIZED, ');
        self::assertSame('REFUSED', $context['outcome']);
        self::assertStringNotContainsString('not-the-token', (string) json_encode($context));
    }

    public function testTheOutcomeIsUnknown(): void
    {
        $this->sandbox->inject(['on' => 'mobile', 'action' => ['kind' => 'html', 'status' => 502]]);
        $failure = $this->mobileFailure();
        $context = $this->record('error', 'FlexPay pay_mobile: GATEWAY, ' . $failure->getMessage());
        self::assertSame('UNKNOWN', $context['outcome']);
        self::assertContains(502, array_column($context['trace']['steps'], 'status'));
    }

    public function testACallThatDidNotReachTheLibrary(): void
    {
        $client = $this->logged();
        self::failure(static function () use ($client): void {
            $client->check("a\0b");
        });
        $context = $this->record('warning', 'FlexPay check: INVALID, order_number: contains a NUL byte');
        self::assertNull($context['trace']);
        self::assertNull($context['correlation_id']);
        $client->close();
        self::assertInstanceOf(ClosedException::class, self::failure(static function () use ($client): void {
            $client->check('1');
        }));
        self::assertSame('NOT_SENT', $this->record('warning', 'FlexPay check: INVALID, client: was closed')['outcome']);
    }

    /** @return iterable<string, array{mixed}> */
    public function wrongLoggers(): iterable
    {
        yield 'a string' => ['syslog'];
        yield 'an array' => [['log']];
        yield 'false' => [false];
        yield 'an object without log()' => [new \stdClass()];
        yield 'a closure' => [static function (): void {
        }];
        yield 'a log() that is not public' => [new class () {
            protected function log(): void
            {
            }
        }];
    }

    /**
     * @dataProvider wrongLoggers
     *
     * @param mixed $logger
     */
    public function testAnythingElseIsRefused($logger): void
    {
        $calls = [
            function () use ($logger): void {
                new Client($this->sandbox->options(), $logger);
            },
            static function () use ($logger): void {
                Client::fromEnvironment($logger);
            },
        ];
        foreach ($calls as $call) {
            $failure = self::failure($call);
            self::assertInstanceOf(InvalidArgumentException::class, $failure);
            self::assertSame('logger', $failure->getField());
        }
    }

    public function testFromEnvironment(): void
    {
        $set = $this->sandbox->environment();
        foreach ($set as $name => $value) {
            putenv("$name=$value");
        }
        try {
            foreach ([null, '', '0', '1'] as $trace) {
                putenv('FLEXPAY_TRACE' . ($trace === null ? '' : "=$trace"));
                $client = Client::fromEnvironment($this->logger);
                $payment = $client->payMobile($this->mobileRequest());
                $record = $this->record('debug', 'FlexPay pay_mobile: OK');
                self::assertSame($trace === '1', $record['trace'] !== null);
                self::assertSame($trace === '1', $payment->getCallTrace() !== null);
            }
        } finally {
            foreach (array_keys($set) as $name) {
                putenv($name);
            }
            putenv('FLEXPAY_TRACE');
        }
    }

    /** @return iterable<string, array{\Throwable}> */
    public function loggerFailures(): iterable
    {
        yield 'an exception' => [new \RuntimeException('disk full')];
        yield 'an error' => [new \TypeError('disk full')];
        yield 'an exception of this package' => [
            new InvalidArgumentException('disk full', 1, FlexPayException::OUTCOME_NOT_SENT),
        ];
    }

    /** @dataProvider loggerFailures */
    public function testALoggerThatThrowsChangesNothing(\Throwable $thrown): void
    {
        $directory = new TemporaryDirectory();
        $errorLog = "$directory->path/php.log";
        $previous = ini_set('error_log', $errorLog);
        $this->logger = new Logger($thrown);
        try {
            $request = $this->mobileRequest();
            $order = $this->logged()->payMobile($request)->getOrderNumber();
            self::assertSame($this->sandbox->payments()[0]['order_number'], $order, 'the result is not lost');
            self::assertSame('PENDING', $this->logged()->check($order)->getState());

            $this->sandbox->inject(['on' => 'mobile', 'action' => ['kind' => 'reset_after_reading']]);
            $failure = $this->mobileFailure();
            self::assertSame('CONNECTION', $failure->getCodeName());
            self::assertSame(FlexPayException::OUTCOME_UNKNOWN, $failure->getOutcome());
            self::assertNull($failure->getPrevious());
        } finally {
            ini_set('error_log', (string) $previous);
        }
        self::assertCount(3, $this->logger->records);
        $line = 'FlexPay: the logger failed: ' . get_class($thrown) . ': disk full';
        self::assertSame(3, substr_count((string) file_get_contents($errorLog), $line));
    }

    /** Hosts disable functions. Then there is no report of the logger's failure. */
    public function testDisabledFunctions(): void
    {
        $script = 'require $argv[1]; class Logger { function log($level, $message, array $context = []) {'
            . 'var_dump($context["trace"]); throw new RuntimeException("disk full"); } }'
            . 'echo FlexPay\Client::fromEnvironment(new Logger())->check($argv[2])->getState();';
        $order = (string) $this->client()->payMobile($this->mobileRequest())->getOrderNumber();
        $command = [PHP_BINARY, '-d', 'disable_functions=error_log', '-r', $script, '--',
            __DIR__ . '/../../autoload.php', $order];
        [$status, $output] = Process::run($command, $this->sandbox->environment() + getenv());
        self::assertSame(0, $status, $output);
        self::assertSame("NULL\nPENDING", $output);
    }

    /** A handler's exception is the shop's, and not one of the logger: it is not caught. */
    public function testASignalHandlerRunsAfterTheLogger(): void
    {
        self::assertTrue(function_exists('pcntl_async_signals'), 'this test cannot run: PHP has no pcntl');
        $script = 'require $argv[1]; pcntl_async_signals(true);'
            . 'pcntl_signal(SIGUSR1, function () { echo "handled "; throw new RuntimeException("signal"); });'
            . '$logger = new class { function log($level, $message, array $context = []) {'
            . 'posix_kill(getmypid(), SIGUSR1); usleep(1); echo "logged "; } };'
            . '$client = new FlexPay\Client(json_decode($argv[2], true), $logger);'
            . 'try { $client->check("unknown"); } catch (RuntimeException $e) { echo $e->getMessage(), " "; }'
            . 'var_dump(pcntl_async_signals());';
        $command = [PHP_BINARY, '-r', $script, '--', __DIR__ . '/../../autoload.php',
            (string) json_encode($this->sandbox->options())];
        [$status, $output] = Process::run($command);
        self::assertSame(0, $status, $output);
        self::assertSame("logged handled signal bool(true)\n", $output);
    }
}
