<?php

declare(strict_types=1);

namespace FlexPay\Tests;

use FlexPay\Callback;
use FlexPay\Client;
use FlexPay\Exception\FlexPayException;
use FlexPay\Exception\InvalidArgumentException;
use FlexPay\Exception\MismatchException;
use FlexPay\Exception\TimeoutException;
use FlexPay\Expected;
use FlexPay\Tests\Support\SandboxTestCase;
use FlexPay\Transaction;
use FlexPay\WaitOptions;

/** The functions of the client, with the sandbox gateway. */
final class ClientTest extends SandboxTestCase
{
    public function testPayAndCheck(): void
    {
        $client = $this->client();
        $request = $this->request('25.50', 'USD', ['description' => 'Deux pagnes']);

        $payment = $client->pay($request);
        self::assertStringStartsWith($this->sandbox->url() . '/checkout/', $payment->getRedirectUrl());
        self::assertNotNull($payment->getOrderNumber());
        self::assertSame('0', $payment->getCode());
        self::assertNotNull($payment->getMessage());
        self::assertNull($payment->getPage());

        $before = $client->check($payment->getOrderNumber());
        self::assertSame(Transaction::STATE_PENDING, $before->getState());
        self::assertFalse($before->isPaid());

        $this->sandbox->decide($payment->getOrderNumber(), 'approve');
        $after = $client->check($payment->getOrderNumber());
        self::assertTrue($after->isPaid());
        self::assertSame(Transaction::STATE_PAID, $after->getState());
        self::assertSame('0', $after->getStatus());
        self::assertSame($payment->getOrderNumber(), $after->getOrderNumber());
        self::assertSame($request->getReference(), $after->getReference());
        self::assertSame('25.50', $after->getAmount());
        self::assertSame(2550, $after->getAmountMinor());
        self::assertGreaterThanOrEqual(2550, $after->getAmountCustomerMinor());
        self::assertMatchesRegularExpression('/^\d+\.\d\d$/', (string) $after->getAmountCustomer());
        self::assertSame('USD', $after->getCurrency());
        self::assertMatchesRegularExpression('/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/', (string) $after->getCreatedAt());
        self::assertSame('0', $after->getCode());
        self::assertNotNull($after->getMessage());
        self::assertStringContainsString($payment->getOrderNumber(), (string) $after->getRaw());
        self::assertTrue($after->mayReplace(Transaction::STATE_FAILED));
        self::assertFalse($before->mayReplace(Transaction::STATE_PAID));
    }

    public function testTheGatewayReceivesTheRequest(): void
    {
        $request = $this->request(1500, 'CDF', [
            'description' => 'Crème & café',
            'home_url' => 'https://shop.example/',
        ]);
        $this->client(['app_name' => 'BoutiqueZando/2.1'])->pay($request);

        $payment = $this->sandbox->payments()[0];
        self::assertSame($request->getReference(), $payment['reference']);
        self::assertSame('1500', $payment['amount']);
        self::assertSame('CDF', $payment['currency']);
        self::assertSame('Crème & café', $payment['description']);
        self::assertSame($request->getCallbackUrl(), $payment['callback_url']);
        self::assertSame($request->getApproveUrl(), $payment['approve_url']);
        self::assertSame($request->getCancelUrl(), $payment['cancel_url']);
        self::assertSame($request->getDeclineUrl(), $payment['decline_url']);
        self::assertSame($request->getHomeUrl(), $payment['home_url']);
        self::assertStringContainsString('BoutiqueZando/2.1', (string) json_encode(
            $this->sandbox->requests()[0]['headers'],
            JSON_UNESCAPED_SLASHES
        ));
    }

    public function testApiV1GivesNoOrderNumber(): void
    {
        $client = $this->client(['api' => 'v1', 'pay_url' => $this->sandbox->url() . '/v1/pay']);
        $payment = $client->pay($this->request());
        self::assertStringStartsWith('http', (string) $payment->getRedirectUrl());
        self::assertNull($payment->getOrderNumber());
    }

    public function testHttpsWithACaFile(): void
    {
        $client = $this->client([
            'pay_url' => $this->sandbox->httpsUrl() . '/v1.1/pay',
            'ca_file' => $this->sandbox->caFile(),
        ]);
        self::assertNotNull($client->pay($this->request())->getOrderNumber());
    }

    public function testTheErrorForAMissingOrderNumberGivesTheReason(): void
    {
        $client = $this->client();
        foreach (['check', 'wait'] as $call) {
            $failure = self::failure(static function () use ($client, $call): void {
                $client->$call(null);
            });
            self::assertInstanceOf(InvalidArgumentException::class, $failure);
            self::assertSame('order_number', $failure->getField());
            self::assertStringContainsString('v1.1', $failure->getMessage());
        }
        self::assertSame([], $this->sandbox->requests());
    }

    public function testWaitReturnsAFinalState(): void
    {
        $client = $this->client();
        $order = (string) $client->pay($this->request())->getOrderNumber();
        $this->sandbox->decide($order, 'cancel');
        $options = new WaitOptions(['failed_grace_ms' => 1, 'interval_ms' => 10]);
        self::assertSame(Transaction::STATE_CANCELLED, $client->wait($order, $options)->getState());
    }

    public function testWaitUsesItsOptions(): void
    {
        $client = $this->client();
        $order = (string) $client->pay($this->request())->getOrderNumber();
        $options = ['timeout_ms' => 700, 'interval_ms' => 50, 'max_interval_ms' => 100];
        $started = microtime(true);
        $failure = self::failure(static function () use ($client, $order, $options): void {
            $client->wait($order, new WaitOptions($options));
        });
        self::assertInstanceOf(TimeoutException::class, $failure);
        self::assertEqualsWithDelta(0.7, microtime(true) - $started, 0.5);
        self::assertGreaterThan(5, count($this->sandbox->requests()), 'the interval was used');

        $this->sandbox->decide($order, 'decline');
        $failed = $client->wait($order, new WaitOptions(['failed_grace_ms' => 1, 'interval_ms' => 10]));
        self::assertSame(Transaction::STATE_FAILED, $failed->getState());
    }

    public function testACallbackIsParsedAndVerified(): void
    {
        $client = $this->client();
        $request = $this->request('100', 'CDF');
        $order = (string) $client->pay($request)->getOrderNumber();
        $this->sandbox->decide($order, 'approve', true);
        $body = $this->sandbox->callbacks($order, 1)[0]['body'];

        $callback = Callback::parse($body);
        self::assertTrue($callback->claimsSuccess());
        self::assertSame($request->getReference(), $callback->getReference());
        self::assertSame($order, $callback->getOrderNumber());
        self::assertNotNull($callback->getProviderReference());
        self::assertSame($body, $callback->getRaw());
        self::assertMatchesRegularExpression('/^[0-9a-f]{64}$/', $callback->getKey());
        self::assertSame($callback->getKey(), Callback::parse(' ' . $body)->getKey());

        $expected = new Expected($request->getReference(), 100, 'CDF', $order);
        self::assertTrue($client->verifyCallback($body, $expected)->isPaid());
        $higher = new Expected($request->getReference(), '1000', 'CDF', $order);
        $failure = self::failure(static function () use ($client, $body, $higher): void {
            $client->verifyCallback($body, $higher);
        });
        self::assertInstanceOf(MismatchException::class, $failure);
        self::assertSame('amount', $failure->getField());
    }

    public function testAnOrderIsVerifiedWithoutACallback(): void
    {
        $client = $this->client();
        $request = $this->request('100', 'CDF');
        $reference = $request->getReference();
        $order = (string) $client->pay($request)->getOrderNumber();
        $this->sandbox->decide($order, 'approve');
        $wait = static function (Expected $expected) use ($client, $order): Transaction {
            return $client->wait($order, new WaitOptions(['expected' => $expected]));
        };

        $expected = new Expected($reference, 100, 'CDF', $order);
        self::assertTrue($client->verifyOrder($expected)->isPaid());
        self::assertTrue($wait($expected)->isPaid());
        self::assertTrue($wait(new Expected($reference, '100.00', 'CDF'))->isPaid());

        $others = [
            'amount' => new Expected($reference, '1000', 'CDF', $order),
            'currency' => new Expected($reference, 100, 'USD', $order),
            'reference' => new Expected('another', 100, 'CDF', $order),
        ];
        foreach ($others as $field => $other) {
            $failure = self::failure(static function () use ($client, $other): void {
                $client->verifyOrder($other);
            });
            self::assertInstanceOf(MismatchException::class, $failure);
            self::assertSame($field, $failure->getField());
            self::assertSame(FlexPayException::OUTCOME_REFUSED, $failure->getOutcome());
            $failure = self::failure(static function () use ($wait, $other): void {
                $wait($other);
            });
            self::assertInstanceOf(MismatchException::class, $failure);
            self::assertSame($field, $failure->getField());
            self::assertSame(FlexPayException::OUTCOME_UNKNOWN, $failure->getOutcome());
        }

        $missing = self::failure(static function () use ($client, $reference): void {
            $client->verifyOrder(new Expected($reference, 100, 'CDF'));
        });
        self::assertInstanceOf(InvalidArgumentException::class, $missing);
        self::assertSame('order_number', $missing->getField());
        $another = self::failure(static function () use ($wait, $reference): void {
            $wait(new Expected($reference, 100, 'CDF', 'another'));
        });
        self::assertInstanceOf(InvalidArgumentException::class, $another);
        self::assertSame('order_number', $another->getField());
    }

    public function testASignedCallbackUrl(): void
    {
        $client = $this->client(['callback_secret' => 'un secret de la boutique']);
        $request = $this->request();
        $order = (string) $client->pay($request)->getOrderNumber();
        $url = (string) $this->sandbox->payments()[0]['callback_url'];
        $query = (string) parse_url($url, PHP_URL_QUERY);
        self::assertNotSame('', $query);
        $this->sandbox->decide($order, 'approve');

        $body = json_encode(['code' => '0', 'reference' => $request->getReference(), 'orderNumber' => $order]);
        $expected = new Expected($request->getReference(), '25.50', 'USD', $order, $query);
        self::assertTrue($client->verifyCallback((string) $body, $expected)->isPaid());

        $unsigned = new Expected($request->getReference(), '25.50', 'USD', $order);
        self::assertNotNull(self::failure(static function () use ($client, $body, $unsigned): void {
            $client->verifyCallback((string) $body, $unsigned);
        }));
        $rotated = $this->client([
            'callback_secret' => 'un autre secret, plus neuf',
            'callback_secret_previous' => 'un secret de la boutique',
        ]);
        self::assertTrue($rotated->verifyCallback((string) $body, $expected)->isPaid());
    }

    public function testFromEnvironment(): void
    {
        $set = $this->sandbox->environment();
        foreach ($set as $name => $value) {
            putenv("$name=$value");
        }
        try {
            self::assertNotNull(Client::fromEnvironment()->pay($this->request())->getOrderNumber());
            putenv('FLEXPAY_API=v9');
            $failure = self::failure([Client::class, 'fromEnvironment']);
            self::assertSame('FLEXPAY_API', $failure->getField());
        } finally {
            foreach (array_keys($set) as $name) {
                putenv($name);
            }
        }
    }

    public function testCheckOnceSendsOneRequest(): void
    {
        $this->sandbox->inject(['on' => 'check', 'times' => null, 'action' => ['kind' => 'html', 'status' => 500]]);
        $client = $this->client(['check_once' => true]);
        self::failure(static function () use ($client): void {
            $client->check('123');
        });
        self::assertCount(1, $this->sandbox->requests());
    }

    public function testAForkedChildCanUseTheClient(): void
    {
        self::assertTrue(function_exists('pcntl_fork'), 'this test cannot run: PHP has no pcntl');
        $client = $this->client(['pay_url' => $this->sandbox->httpsUrl() . '/v1.1/pay'] + [
            'check_url' => $this->sandbox->httpsUrl() . '/api/rest/v1/check',
            'ca_file' => $this->sandbox->caFile(),
        ]);
        $order = (string) $client->pay($this->request())->getOrderNumber();
        $children = [];
        for ($n = 0; $n < 4; $n++) {
            $child = pcntl_fork();
            if ($child === 0) {
                $status = 1;
                try {
                    $status = $client->check($order)->getState() === Transaction::STATE_PENDING ? 0 : 2;
                } catch (\Throwable $failure) {
                    fwrite(STDERR, $failure->getMessage() . "\n");
                }
                // End the child without PHPUnit's shutdown and without the parent's destructors.
                posix_kill((int) getmypid(), $status === 0 ? SIGTERM : SIGKILL);
            }
            $children[] = $child;
        }
        foreach ($children as $child) {
            pcntl_waitpid($child, $status);
            self::assertSame(SIGTERM, pcntl_wtermsig($status));
        }
        self::assertSame(Transaction::STATE_PENDING, $client->check($order)->getState());
    }
}
