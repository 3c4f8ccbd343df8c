<?php

declare(strict_types=1);

namespace FlexPay\Tests;

use FlexPay\Callback;
use FlexPay\CancelToken;
use FlexPay\Client;
use FlexPay\Exception;
use FlexPay\Exception\FlexPayException;
use FlexPay\Expected;
use FlexPay\Internal\Abi;
use FlexPay\Internal\ExceptionFactory;
use FlexPay\PaymentRequest;
use FlexPay\PayoutRequest;
use FlexPay\Phone;
use FlexPay\Tests\Support\Http;
use FlexPay\Tests\Support\Logger;
use FlexPay\Tests\Support\Process;
use FlexPay\Tests\Support\SandboxTestCase;
use FlexPay\Tests\Support\TemporaryDirectory;
use FlexPay\WaitOptions;

/** Each result code has its exception class, and each exception has the right fields. */
final class ExceptionsTest extends SandboxTestCase
{
    private const NO_LIBRARY = ['transport' => 'ffi', 'library' => '/nowhere.so'];
    private const NO_PROGRAM = ['transport' => 'program', 'program' => '/nowhere'];

    public function testInvalid(): void
    {
        $failure = $this->payFailure([], new PaymentRequest('r', '0', 'USD'));
        $this->assertIs($failure, Exception\InvalidArgumentException::class, Abi::ERROR_INVALID, 'INVALID', 'NOT_SENT');
        self::assertInstanceOf(\InvalidArgumentException::class, $failure);
        self::assertSame('amount', $failure->getField());
        self::assertNull($failure->getHttpStatus());
        self::assertSame([], $this->sandbox->requests());
    }

    public function testResolve(): void
    {
        $failure = $this->payFailure(['pay_url' => 'https://nowhere.invalid/v1/pay']);
        $this->assertIs($failure, Exception\ResolveException::class, Abi::ERROR_RESOLVE, 'RESOLVE', 'NOT_SENT');
    }

    public function testConnect(): void
    {
        $failure = $this->payFailure(['pay_url' => 'http://127.0.0.1:' . Http::freePort() . '/']);
        $this->assertIs($failure, Exception\ConnectException::class, Abi::ERROR_CONNECT, 'CONNECT', 'NOT_SENT');
    }

    public function testProxy(): void
    {
        $failure = $this->payFailure([
            'pay_url' => 'https://cardpayment.example/v1/pay',
            'check_url' => 'https://backend.example/check',
            'mobile_url' => null,
            'payout_url' => null,
            'proxy' => $this->sandbox->url(),
        ]);
        $this->assertIs($failure, Exception\ProxyException::class, Abi::ERROR_PROXY, 'PROXY', 'NOT_SENT');
    }

    public function testTls(): void
    {
        $failure = $this->payFailure(['pay_url' => $this->sandbox->httpsUrl() . '/v1.1/pay']);
        $this->assertIs($failure, Exception\TlsException::class, Abi::ERROR_TLS, 'TLS', 'NOT_SENT');
    }

    public function testTimeout(): void
    {
        $this->sandbox->inject(['on' => 'pay', 'action' => ['kind' => 'delay', 'ms' => 3000]]);
        $failure = $this->payFailure(['timeout_ms' => 300]);
        $this->assertIs($failure, Exception\TimeoutException::class, Abi::ERROR_TIMEOUT, 'TIMEOUT', 'UNKNOWN');
    }

    public function testCancelled(): void
    {
        $client = $this->client();
        $order = (string) $client->pay($this->request())->getOrderNumber();
        $token = new CancelToken();
        $token->cancel();
        $failure = self::failure(static function () use ($client, $order, $token): void {
            $client->wait($order, new WaitOptions(['cancel' => $token]));
        });
        self::assertInstanceOf(Exception\CancelledException::class, $failure);
        self::assertSame(Abi::ERROR_CANCELLED, $failure->getCode());
        self::assertSame('CANCELLED', $failure->getCodeName());
    }

    public function testConnection(): void
    {
        $this->sandbox->inject(['on' => 'pay', 'action' => ['kind' => 'reset_after_reading']]);
        $failure = $this->payFailure();
        $this->assertIs($failure, Exception\ConnectionException::class, Abi::ERROR_CONNECTION, 'CONNECTION', 'UNKNOWN');
    }

    public function testReply(): void
    {
        $this->sandbox->inject(['on' => 'pay', 'action' => ['kind' => 'malformed_json']]);
        $failure = $this->payFailure();
        $this->assertIs($failure, Exception\ReplyException::class, Abi::ERROR_REPLY, 'REPLY', 'UNKNOWN');
        self::assertSame(200, $failure->getHttpStatus());
    }

    public function testGateway(): void
    {
        $this->sandbox->inject(['on' => 'pay', 'action' => ['kind' => 'html', 'status' => 503]]);
        $failure = $this->payFailure();
        $this->assertIs($failure, Exception\GatewayException::class, Abi::ERROR_GATEWAY, 'GATEWAY', 'UNKNOWN');
        self::assertSame(503, $failure->getHttpStatus());
    }

    public function testUnauthorized(): void
    {
        $failure = $this->payFailure(['token' => 'not-the-token']);
        $class = Exception\UnauthorizedException::class;
        $this->assertIs($failure, $class, Abi::ERROR_UNAUTHORIZED, 'UNAUTHORIZED', 'REFUSED');
        self::assertSame(401, $failure->getHttpStatus());
        self::assertNotNull($failure->getGatewayMessage());
    }

    public function testRefused(): void
    {
        $client = $this->client();
        $request = $this->request();
        $client->pay($request);
        $failure = $this->payFailure([], $request);
        $this->assertIs($failure, Exception\RefusedException::class, Abi::ERROR_REFUSED, 'REFUSED', 'REFUSED');
        self::assertNotNull($failure->getGatewayCode());
        self::assertNotNull($failure->getGatewayMessage());
        self::assertSame(200, $failure->getHttpStatus());
    }

    public function testNotFound(): void
    {
        $client = $this->client();
        $failure = self::failure(static function () use ($client): void {
            $client->check('no-such-order');
        });
        $this->assertIs($failure, Exception\NotFoundException::class, Abi::ERROR_NOT_FOUND, 'NOT_FOUND', 'REFUSED');
    }

    public function testCallback(): void
    {
        $failure = self::failure(static function (): void {
            Callback::parse('<html>');
        });
        $this->assertIs($failure, Exception\CallbackException::class, Abi::ERROR_CALLBACK, 'CALLBACK', 'NOT_SENT');
        self::assertSame('body', $failure->getField());
    }

    public function testMismatch(): void
    {
        $client = $this->client();
        $failure = self::failure(static function () use ($client): void {
            $client->verifyCallback('{"code":"0","reference":"B","orderNumber":"1"}', new Expected('A', 1, 'CDF'));
        });
        $this->assertIs($failure, Exception\MismatchException::class, Abi::ERROR_MISMATCH, 'MISMATCH', 'NOT_SENT');
        self::assertSame('reference', $failure->getField());
        self::assertSame([], $this->sandbox->requests());
    }

    public function testClosed(): void
    {
        $client = $this->client();
        $client->close();
        $client->close();
        $calls = [
            function () use ($client): void {
                $client->pay($this->request());
            },
            static function () use ($client): void {
                $client->check('1');
            },
            static function () use ($client): void {
                $client->wait('1');
            },
            static function () use ($client): void {
                $client->verifyCallback('{}', new Expected('r', 1, 'CDF'));
            },
            static function () use ($client): void {
                $client->verifyOrder(new Expected('r', 1, 'CDF'));
            },
            function () use ($client): void {
                $client->payMobile($this->mobileRequest());
            },
            static function () use ($client): void {
                $client->payout(new PayoutRequest('r', 1, 'CDF', '0812345678', 'https://shop.example/'));
            },
        ];
        foreach ($calls as $call) {
            self::assertInstanceOf(Exception\ClosedException::class, self::failure($call));
        }
    }

    /**
     * Tests the codes that no gateway can cause, and one that this package does not know, with a stub
     * library that returns the code given as the order number, and no error object.
     *
     * Over FFI only: the stub is a library; ProgramTest has a stub of the program.
     *
     * @group ffi
     */
    public function testCodesThatOnlyABrokenOrNewerLibraryReturns(): void
    {
        $directory = new TemporaryDirectory();
        $library = $directory->path . '/libflexpay.so';
        [$status, $output] = Process::run(['cc', '-shared', '-fPIC', '-Wall', '-Werror', '-o', $library,
            '-I' . __DIR__ . '/../../../../include', __DIR__ . '/../stub.c']);
        self::assertSame(0, $status, $output);
        $script = 'require $argv[1]; $client = new FlexPay\Client(["merchant" => "m", "token" => "t"]);'
            . 'foreach ([2, 99] as $code) { try { $client->check((string) $code); }'
            . 'catch (FlexPay\Exception\FlexPayException $e) {'
            . 'echo get_class($e), " ", $e->getCode(), " ", $e->getCodeName(), " ", $e->getOutcome(), "\n"; } }'
            . 'try { echo FlexPay\Internal\Library::load()->callbackKey("k"), "a key"; }'
            . 'catch (FlexPay\Exception\InternalException $e) { echo "no key"; }';
        $command = [PHP_BINARY, '-r', $script, '--', __DIR__ . '/../../autoload.php'];
        [$status, $output] = Process::run($command, ['FLEXPAY_LIBRARY' => $library] + getenv());
        self::assertSame(0, $status, $output);
        self::assertSame(
            "FlexPay\\Exception\\InternalException 2 INTERNAL UNKNOWN\n"
            . "FlexPay\\Exception\\UnrecognizedException 99 UNRECOGNIZED UNKNOWN\nno key",
            $output
        );
    }

    /** Every code has a class, and its name is derived from the code's name. */
    public function testEveryCodeHasItsException(): void
    {
        foreach ((new \ReflectionClass(Abi::class))->getConstants() as $name => $code) {
            if (strncmp($name, 'ERROR_', 6) !== 0) {
                continue;
            }
            $failure = ExceptionFactory::create(['code' => $code, 'message' => 'm', 'outcome' => 'UNKNOWN']);
            self::assertSame(substr($name, 6), $failure->getCodeName());
            $parts = explode('_', strtolower(substr($name, 6)));
            $class = $name === 'ERROR_INVALID' ? 'InvalidArgument' : implode('', array_map('ucfirst', $parts));
            self::assertSame('FlexPay\Exception\\' . $class . 'Exception', get_class($failure));
        }
    }

    public function testNoTraceContainsTheSettings(): void
    {
        foreach ([['ca_file' => "a\0b"], ['pay_url' => 'ftp://x'], ['x' => 1], self::NO_LIBRARY, self::NO_PROGRAM] as $wrong) {
            $failure = self::failure(function () use ($wrong): void {
                $this->client($wrong);
            });
            for ($thrown = $failure; $thrown !== null; $thrown = $thrown->getPrevious()) {
                foreach ($thrown->getTrace() as $frame) {
                    $class = $frame['class'] ?? '';
                    if ($class === Client::class || strpos($class, 'FlexPay\\Internal\\') === 0) {
                        self::assertArrayNotHasKey('args', $frame);
                    }
                }
            }
        }
    }

    /** A signal handler throws while a call waits for the gateway's slow reply. */
    public function testASignalHandlerMayThrow(): void
    {
        self::assertTrue(function_exists('pcntl_async_signals'), 'this test cannot run: PHP has no pcntl');
        $this->sandbox->inject(['on' => 'check', 'times' => null, 'action' => ['kind' => 'delay', 'ms' => 1500]]);
        $script = 'require $argv[1]; pcntl_async_signals(true);'
            . 'pcntl_signal(SIGALRM, function () { throw new RuntimeException("alarm"); });'
            . '$client = new FlexPay\Client(json_decode($argv[2], true)); pcntl_alarm(1);'
            . 'try { $client->check("1"); } catch (RuntimeException $e) {'
            . '$trace = print_r($e->getTrace(), true); echo get_class($e), " ", $e->getMessage(), " ",'
            . 'strpos($trace, "CData") === false ? "clean" : $trace, " "; }'
            . 'var_dump(pcntl_async_signals());';
        $command = [PHP_BINARY, '-d', 'zend.exception_ignore_args=0', '-r', $script, '--',
            __DIR__ . '/../../autoload.php', (string) json_encode($this->sandbox->options())];
        [$status, $output] = Process::run($command);
        self::assertSame(0, $status, $output);
        self::assertSame("RuntimeException alarm clean bool(true)\n", $output);
    }

    public function testTheTokenIsNeverPrinted(): void
    {
        $token = $this->sandbox->token();
        $client = new Client($this->sandbox->options(), new Logger());
        ob_start();
        var_dump($client);
        $dump = ob_get_clean() . print_r($client, true) . var_export($client, true) . print_r((array) $client, true);
        self::assertStringNotContainsString($token, $dump);

        foreach ($this->failures() as $failure) {
            self::assertStringNotContainsString($token, $failure->getMessage());
            // From PHP 8.2 on, #[\SensitiveParameter] hides arguments in traces.
            if (PHP_VERSION_ID >= 80200) {
                self::assertStringNotContainsString($token, self::printed($failure));
            }
        }
    }

    /**
     * A logger can make PHP print the memory behind an FFI object, even freed memory. So no trace may
     * contain an FFI object.
     */
    public function testATraceCanBePrinted(): void
    {
        foreach ($this->failures() as $failure) {
            self::assertStringNotContainsString('FFI', self::printed($failure));
        }
    }

    /** @return list<FlexPayException> one from each place in the code that throws */
    private function failures(): array
    {
        $client = $this->client(['check_url' => 'http://127.0.0.1:9/check']);
        $callback = '{"code":"0","reference":"r","orderNumber":"1"}';
        $calls = [
            function (): void {
                $this->client(['environment' => 'beta']);
            },
            function (): void {
                $this->client(['ca_file' => "a\0b"]);
            },
            function (): void {
                $this->client(['pay_url' => 'ftp://x']);
            },
            function (): void {
                $this->client(['x' => 1]);
            },
            static function (): void {
                Client::fromEnvironment();
            },
            static function () use ($client): void {
                $client->pay(new PaymentRequest("a\0b", '0', 'CDF'));
            },
            static function () use ($client): void {
                $client->pay(new PaymentRequest('a', '0', 'CDF', ['description' => 'Un pagne']));
            },
            static function () use ($client): void {
                $client->check('1');
            },
            static function () use ($client): void {
                $client->wait('1', new WaitOptions(['timeout_ms' => 1, 'cancel' => new CancelToken()]));
            },
            static function () use ($client, $callback): void {
                $client->verifyCallback($callback, new Expected('r', 1, 'CDF'));
            },
            static function (): void {
                Callback::parse('x');
            },
            static function (): void {
                Phone::normalize('x');
            },
            function (): void {
                $this->client()->payMobile($this->mobileRequest('x'));
            },
            function (): void {
                $request = new PayoutRequest('r', 1, 'CDF', '0812345678', 'https://shop.example/');
                (new Client($this->sandbox->options(), new Logger()))->payout($request);
            },
            function (): void {
                new Client($this->sandbox->options(), 'no logger');
            },
        ];

        return array_map([self::class, 'failure'], $calls);
    }

    /** The trace frames of this package, with their arguments. */
    private static function printed(FlexPayException $failure): string
    {
        $frames = array_filter($failure->getTrace(), static function (array $frame): bool {
            $class = $frame['class'] ?? '';

            return strncmp($class, 'FlexPay\\', 8) === 0 && strncmp($class, 'FlexPay\\Tests', 13) !== 0;
        });
        self::assertNotCount(0, $frames);

        return print_r($frames, true);
    }

    /** @param array<string, mixed> $options */
    private function payFailure(array $options = [], ?PaymentRequest $request = null): FlexPayException
    {
        $client = $this->client($options);
        $request = $request ?? $this->request();

        return self::failure(static function () use ($client, $request): void {
            $client->pay($request);
        });
    }

    private function assertIs(FlexPayException $failure, string $class, int $code, string $name, string $outcome): void
    {
        self::assertSame($class, get_class($failure), $failure->getMessage());
        self::assertSame($code, $failure->getCode());
        self::assertSame($name, $failure->getCodeName());
        self::assertSame($outcome, $failure->getOutcome());
        self::assertNotSame('', $failure->getMessage());
    }
}
