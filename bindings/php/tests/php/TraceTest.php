<?php

declare(strict_types=1);

namespace FlexPay\Tests;

use FlexPay\Callback;
use FlexPay\Client;
use FlexPay\Exception\FlexPayException;
use FlexPay\Exception\InvalidArgumentException;
use FlexPay\Expected;
use FlexPay\MobileRequest;
use FlexPay\PayoutRequest;
use FlexPay\Tests\Support\Http;
use FlexPay\Tests\Support\SandboxTestCase;
use FlexPay\WaitOptions;

/** The trace of a call: what is in it, and what is not. */
final class TraceTest extends SandboxTestCase
{
    /** The fields of each step, without ms and step. Those after null are not in every step. */
    private const STEPS = [
        'attempt' => ['attempt'],
        'proxy' => ['host'],
        'tunnel' => [],
        'lookup' => ['host'],
        'addresses' => ['addresses', 'cached'],
        'lookup_failed' => ['error'],
        'connecting' => ['address'],
        'connected' => ['address'],
        'connect_failed' => ['address', 'error'],
        'connect_abandoned' => ['address'],
        'tls' => ['version', 'cipher', 'resumed'],
        'sent' => ['connection'],
        'reply' => ['status', 'bytes', 'complete', null, 'content_type', 'date'],
        'pause' => ['pause_ms'],
        'end' => ['result', null, 'outcome'],
    ];

    /** @var list<string> the traces that a test has read: they are searched for secrets */
    private array $read = [];

    private const CUSTOMER = '0812345678';
    private const DESCRIPTION = 'Un pagne rouge';
    private const SECRET = 'un secret de la boutique';
    private const PASSWORD = 'mot-de-passe';

    protected function tearDown(): void
    {
        $secrets = [$this->sandbox->token(), self::DESCRIPTION, self::SECRET, self::PASSWORD, substr(self::CUSTOMER, 1)];
        foreach ($this->read as $trace) {
            foreach ($secrets as $secret) {
                self::assertStringNotContainsString($secret, $trace);
            }
        }
    }

    /** @return array<string, mixed> */
    private function read(?string $trace): array
    {
        self::assertNotNull($trace);
        $this->read[] = $trace;
        $decoded = json_decode($trace, true, 512, JSON_THROW_ON_ERROR);
        self::assertSame(['call', 'correlation_id', 'steps'], array_keys($decoded));
        $before = 0;
        foreach ($decoded['steps'] as $step) {
            self::assertGreaterThanOrEqual($before, $step['ms'], 'the steps are in order');
            $before = $step['ms'];
            $fields = self::STEPS[$step['step']];
            $optional = array_search(null, $fields, true);
            $required = $optional === false ? $fields : array_slice($fields, 0, $optional);
            $present = array_keys(array_diff_key($step, ['ms' => 0, 'step' => 0]));
            self::assertSame([], array_diff($required, $present), $trace);
            self::assertSame([], array_diff($present, $fields), $trace);
        }

        return $decoded;
    }

    /**
     * @param array<string, mixed> $trace
     *
     * @return list<string> the names of the steps
     */
    private static function names(array $trace): array
    {
        return array_column($trace['steps'], 'step');
    }

    /**
     * @param array<string, mixed> $trace
     *
     * @return array<string, mixed> the first step with this name
     */
    private static function step(array $trace, string $name): array
    {
        foreach ($trace['steps'] as $step) {
            if ($step['step'] === $name) {
                return $step;
            }
        }
        self::fail("the trace has no step $name");
    }

    /** @param array<string, mixed> $options */
    private function traced(array $options = []): Client
    {
        return $this->client($options + ['trace' => true, 'callback_secret' => self::SECRET]);
    }

    private function mobile(?string $correlationId = null): MobileRequest
    {
        return $this->mobileRequest(self::CUSTOMER, '575', 'CDF', array_filter([
            'description' => self::DESCRIPTION,
            'correlation_id' => $correlationId,
        ]));
    }

    public function testThereIsNoneWithoutTheOption(): void
    {
        foreach ([[], ['trace' => false]] as $options) {
            $client = $this->client($options);
            $payment = $client->payMobile($this->mobile());
            self::assertNull($payment->getCallTrace());
            self::assertNull($client->check($payment->getOrderNumber())->getCallTrace());
            $failure = self::failure(static function () use ($client): void {
                $client->check('unknown');
            });
            self::assertNull($failure->getCallTrace());
        }
    }

    public function testAPaymentOverTls(): void
    {
        $https = $this->sandbox->httpsUrl();
        $client = $this->traced([
            'mobile_url' => "$https/api/rest/v1/paymentService",
            'ca_file' => $this->sandbox->caFile(),
            'private_connections' => true,
        ]);
        $trace = $this->read($client->payMobile($this->mobile('panier-7'))->getCallTrace());
        self::assertSame('pay_mobile', $trace['call']);
        self::assertSame('panier-7', $trace['correlation_id']);
        self::assertSame(1, self::step($trace, 'attempt')['attempt']);
        self::assertSame($https, 'https://' . self::step($trace, 'connected')['address']);
        self::assertSame('TLSv1.3', self::step($trace, 'tls')['version']);
        self::assertNotSame('', self::step($trace, 'tls')['cipher']);
        self::assertFalse(self::step($trace, 'tls')['resumed']);
        self::assertSame('new', self::step($trace, 'sent')['connection']);
        $reply = self::step($trace, 'reply');
        self::assertSame(200, $reply['status']);
        self::assertGreaterThan(0, $reply['bytes']);
        self::assertTrue($reply['complete']);
        self::assertStringContainsString('json', $reply['content_type']);
        self::assertNotSame('', $reply['date']);
        $steps = $trace['steps'];
        self::assertSame('end', end($steps)['step']);
        self::assertSame('OK', end($steps)['result']);
    }

    public function testEveryCallHasItsName(): void
    {
        $client = $this->traced(['allow_payout' => true]);
        $request = $this->mobile();
        $mobile = $client->payMobile($request);
        $order = (string) $mobile->getOrderNumber();
        $this->sandbox->decide($order, 'approve');
        $query = (string) parse_url((string) $this->sandbox->payments()[0]['callback_url'], PHP_URL_QUERY);
        $expected = new Expected(
            $request->getReference(),
            575,
            'CDF',
            $order,
            $query,
            Expected::KIND_MOBILE,
            'callback-7'
        );
        $body = (string) json_encode(['code' => '0', 'reference' => $request->getReference()]);
        $card = $this->request('25.50', 'USD', ['description' => self::DESCRIPTION, 'correlation_id' => 'card-7']);
        $payout = new PayoutRequest('out-7', 5, 'USD', self::CUSTOMER, 'http://127.0.0.1:9/callback');
        $wait = new WaitOptions(['expected' => $expected, 'correlation_id' => 'wait-7']);
        $traces = [
            'pay card-7' => $client->pay($card)->getCallTrace(),
            'pay_mobile' => $mobile->getCallTrace(),
            'payout' => $client->payout($payout)->getCallTrace(),
            'check' => $client->check($order)->getCallTrace(),
            'wait wait-7' => $client->wait($order, $wait)->getCallTrace(),
            'verify_order callback-7' => $client->verifyOrder($expected)->getCallTrace(),
            'verify_callback callback-7' => $client->verifyCallback($body, $expected)->getCallTrace(),
        ];
        $random = [];
        foreach ($traces as $name => $text) {
            [$call, $id] = explode(' ', $name) + [1 => null];
            $trace = $this->read($text);
            self::assertSame($call, $trace['call']);
            if ($id !== null) {
                self::assertSame($id, $trace['correlation_id']);
            } else {
                self::assertMatchesRegularExpression('/^[0-9a-f]{16}$/', $trace['correlation_id']);
                $random[] = $trace['correlation_id'];
            }
            self::assertContains('reply', self::names($trace));
        }
        self::assertSame($random, array_unique($random));
    }

    public function testAWaitHasItsChecksAndPauses(): void
    {
        $client = $this->traced();
        $order = (string) $client->payMobile($this->mobile())->getOrderNumber();
        $failure = self::failure(static function () use ($client, $order): void {
            $client->wait($order, new WaitOptions(['timeout_ms' => 200, 'interval_ms' => 10, 'max_interval_ms' => 20]));
        });
        $trace = $this->read($failure->getCallTrace());
        self::assertSame('wait', $trace['call']);
        $attempts = count(array_keys(self::names($trace), 'attempt', true));
        self::assertGreaterThan(2, $attempts);
        self::assertContains('pause', self::names($trace));
        self::assertContains('reused', array_column($trace['steps'], 'connection'));
        $steps = $trace['steps'];
        self::assertSame('TIMEOUT', end($steps)['result']);
        self::assertSame('UNKNOWN', end($steps)['outcome']);
    }

    public function testTheTraceOfAFailure(): void
    {
        $this->sandbox->inject(['on' => 'mobile', 'action' => ['kind' => 'html', 'status' => 502]]);
        $trace = $this->failureTrace($this->traced());
        self::assertSame(502, self::step($trace, 'reply')['status']);
        self::assertSame('GATEWAY', self::step($trace, 'end')['result']);
        self::assertSame('UNKNOWN', self::step($trace, 'end')['outcome']);

        $this->sandbox->inject(['on' => 'mobile', 'action' => ['kind' => 'reset_after_reading']]);
        $trace = $this->failureTrace($this->traced());
        self::assertContains('sent', self::names($trace));
        self::assertNotContains('reply', self::names($trace));

        $closed = '127.0.0.1:' . Http::freePort();
        $trace = $this->failureTrace($this->traced(['mobile_url' => "http://$closed/"]));
        self::assertSame($closed, self::step($trace, 'connect_failed')['address']);
        self::assertSame('ConnectionRefused', self::step($trace, 'connect_failed')['error']);
        self::assertNotContains('sent', self::names($trace));
        self::assertSame('NOT_SENT', self::step($trace, 'end')['outcome']);

        $trace = $this->failureTrace($this->traced(['mobile_url' => 'https://nowhere.invalid/']));
        self::assertSame('nowhere.invalid', self::step($trace, 'lookup')['host']);
        self::assertContains('lookup_failed', self::names($trace));

        $trace = $this->failureTrace($this->traced([
            'mobile_url' => 'https://backend.example/paymentService',
            'payout_url' => 'https://backend.example/merchantPayOutService',
            'pay_url' => 'https://cardpayment.example/v1/pay',
            'check_url' => 'https://backend.example/check',
            'proxy' => str_replace('http://', 'http://caisse:' . self::PASSWORD . '@', $this->sandbox->url()),
        ]));
        self::assertContains('proxy', self::names($trace));
        self::assertSame('PROXY', self::step($trace, 'end')['result']);

        $trace = $this->failureTrace($this->traced(['token' => 'not-the-token']));
        self::assertSame(401, self::step($trace, 'reply')['status']);
        self::assertStringNotContainsString('not-the-token', (string) json_encode($trace));
    }

    /** @return array<string, mixed> */
    private function failureTrace(Client $client): array
    {
        $request = $this->mobile();
        $failure = self::failure(static function () use ($client, $request): void {
            $client->payMobile($request);
        });

        return $this->read($failure->getCallTrace());
    }

    public function testATokenInAHeaderOfTheReplyIsMasked(): void
    {
        $token = $this->sandbox->token();
        $this->sandbox->inject(['on' => 'mobile', 'action' => [
            'kind' => 'reply',
            'status' => 502,
            'headers' => [['Content-Type', "text/plain; x=$token"], ['Date', $token], ['X-Request-Id', 'abc']],
            'body' => $token,
        ]]);
        $trace = $this->failureTrace($this->traced());
        self::assertStringContainsString('text/plain', self::step($trace, 'reply')['content_type']);
        self::assertStringNotContainsString($token, (string) json_encode($trace, JSON_UNESCAPED_SLASHES));
    }

    public function testATokenInACorrelationIdIsMasked(): void
    {
        $token = 'jeton-de-la-boutique';
        $client = $this->traced(['token' => $token]);
        $request = $this->mobile($token);
        $failure = self::failure(static function () use ($client, $request): void {
            $client->payMobile($request);
        });
        self::assertStringNotContainsString($token, (string) $failure->getCallTrace());
    }

    /** @return iterable<string, array{callable(Client, string): mixed}> */
    public function callsWithACorrelationId(): iterable
    {
        yield 'pay' => [function (Client $client, string $id): void {
            $client->pay($this->request('1', 'USD', ['correlation_id' => $id]));
        }];
        yield 'payMobile' => [function (Client $client, string $id): void {
            $client->payMobile($this->mobileRequest(self::CUSTOMER, '1', 'USD', ['correlation_id' => $id]));
        }];
        yield 'payout' => [static function (Client $client, string $id): void {
            $options = ['correlation_id' => $id];
            $client->payout(new PayoutRequest('r', 1, 'USD', self::CUSTOMER, 'https://shop.example/', $options));
        }];
        yield 'wait' => [static function (Client $client, string $id): void {
            $client->wait('1', new WaitOptions(['correlation_id' => $id, 'timeout_ms' => 1]));
        }];
        yield 'verifyOrder' => [static function (Client $client, string $id): void {
            $client->verifyOrder(new Expected('r', 1, 'USD', '1', null, Expected::KIND_CARD, $id));
        }];
        yield 'verifyCallback' => [static function (Client $client, string $id): void {
            $client->verifyCallback('{}', new Expected('r', 1, 'USD', '1', null, Expected::KIND_CARD, $id));
        }];
    }

    /** @dataProvider callsWithACorrelationId */
    public function testAnInvalidCorrelationIdIsRefused(callable $call): void
    {
        foreach (['', 'a b', "a\nb", 'é', str_repeat('x', 65), "a\0b"] as $id) {
            foreach ([false, true] as $trace) {
                $client = $this->client(['trace' => $trace, 'allow_payout' => true]);
                $failure = self::failure(static function () use ($call, $client, $id): void {
                    $call($client, $id);
                });
                self::assertInstanceOf(InvalidArgumentException::class, $failure);
                self::assertSame('correlation_id', $failure->getField());
                self::assertSame(FlexPayException::OUTCOME_NOT_SENT, $failure->getOutcome());
            }
        }
        self::assertSame([], $this->sandbox->requests());
    }

    public function testACallOfNoClientHasNone(): void
    {
        $failure = self::failure(static function (): void {
            Callback::parse('x');
        });
        self::assertNull($failure->getCallTrace());
    }
}
