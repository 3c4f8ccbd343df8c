<?php

declare(strict_types=1);

namespace FlexPay\Tests;

use FlexPay\Client;
use FlexPay\Exception\FlexPayException;
use FlexPay\Exception\InvalidArgumentException;
use FlexPay\Exception\MismatchException;
use FlexPay\Exception\RefusedException;
use FlexPay\Exception\ReplyException;
use FlexPay\Exception\TimeoutException;
use FlexPay\Expected;
use FlexPay\Tests\Support\SandboxTestCase;
use FlexPay\Transaction;
use FlexPay\WaitOptions;

/** Payments by mobile money, with the sandbox gateway. */
final class MobileTest extends SandboxTestCase
{
    private const BY_HAND = '+243 81 234 56 78';
    private const NO_CREDIT = '0810000003';

    /** The options of a wait that does not take the time that a customer takes. */
    private const QUICK = ['interval_ms' => 10, 'max_interval_ms' => 20, 'failed_grace_ms' => 1];

    public function testTheCustomerConfirms(): void
    {
        $client = $this->client();
        $request = $this->mobileRequest(self::BY_HAND, '575.00', 'CDF');
        $payment = $client->payMobile($request);
        self::assertNotNull($payment->getOrderNumber());
        self::assertSame('0', $payment->getCode());
        self::assertStringContainsString('push', (string) $payment->getMessage());
        self::assertNull($payment->getRedirectUrl());
        self::assertNull($payment->getPage());

        $order = (string) $payment->getOrderNumber();
        $expected = new Expected($request->getReference(), 575, 'CDF', $order, null, Expected::KIND_MOBILE);
        $timeout = self::failure(static function () use ($client, $order, $expected): void {
            $client->wait($order, new WaitOptions(self::QUICK + ['expected' => $expected, 'timeout_ms' => 100]));
        });
        self::assertInstanceOf(TimeoutException::class, $timeout);
        self::assertStringContainsString('PENDING', $timeout->getMessage());

        $this->sandbox->decide($order, 'approve');
        $transaction = $client->wait($order, new WaitOptions(self::QUICK + ['expected' => $expected]));
        self::assertTrue($transaction->isPaid());
        self::assertSame('mpesa', $transaction->getChannel());
        self::assertSame('575.00', $transaction->getAmount());
        self::assertTrue($client->verifyOrder($expected)->isPaid());
    }

    public function testTheGatewayReceivesTheRequest(): void
    {
        $request = $this->mobileRequest('0812345678', '575.50', 'USD', [
            'description' => 'Crème & café',
            'approve_url' => 'https://shop.example/ok',
            'cancel_url' => 'https://shop.example/cancel',
            'decline_url' => 'monapp://refus',
            'return_url' => 'https://shop.example/back',
            'correlation_id' => 'panier-7',
        ]);
        $this->client()->payMobile($request);

        $sent = $this->sandbox->requests();
        self::assertCount(1, $sent);
        self::assertStringNotContainsString('panier-7', (string) json_encode($sent));
        $payment = $this->sandbox->payments()[0];
        self::assertSame('mobile', $payment['kind']);
        self::assertSame($request->getReference(), $payment['reference']);
        self::assertSame('575.5', $payment['amount'], 'without decorative decimals');
        self::assertSame('USD', $payment['currency']);
        self::assertSame('243812345678', $payment['phone']);
        self::assertSame($request->getCallbackUrl(), $payment['callback_url']);
        self::assertSame($request->getDescription(), $payment['description']);
        self::assertSame($request->getApproveUrl(), $payment['approve_url']);
        self::assertSame($request->getCancelUrl(), $payment['cancel_url']);
        self::assertSame($request->getDeclineUrl(), $payment['decline_url']);
        self::assertSame($request->getReturnUrl(), $payment['return_url']);
        self::assertSame('0812345678', $request->getPhone());
        self::assertSame('panier-7', $request->getCorrelationId());
    }

    /** @return iterable<string, array{string}> */
    public function refusals(): iterable
    {
        yield 'the customer refuses' => ['decline'];
        yield 'the push expires' => ['expire'];
    }

    /** @dataProvider refusals */
    public function testTheCustomerDoesNotPay(string $decision): void
    {
        $client = $this->client();
        $request = $this->mobileRequest(self::BY_HAND);
        $order = (string) $client->payMobile($request)->getOrderNumber();
        $this->sandbox->decide($order, $decision);
        $expected = new Expected($request->getReference(), '25.50', 'USD', $order, null, Expected::KIND_MOBILE);
        $transaction = $client->wait($order, new WaitOptions(self::QUICK + ['expected' => $expected]));
        self::assertSame(Transaction::STATE_FAILED, $transaction->getState());
        self::assertFalse($transaction->isPaid());
    }

    public function testTheGatewayRefuses(): void
    {
        $failure = $this->mobileFailure($this->client(), self::NO_CREDIT);
        self::assertInstanceOf(RefusedException::class, $failure);
        self::assertSame(FlexPayException::OUTCOME_REFUSED, $failure->getOutcome());
        self::assertSame('Insufficient funds', $failure->getGatewayMessage());
        self::assertSame([], $this->sandbox->payments());
    }

    public function testARequestThatMayHaveArrivedIsSentOnce(): void
    {
        foreach ([['kind' => 'reset_after_reading'], ['kind' => 'html', 'status' => 502]] as $action) {
            $before = count($this->sandbox->requests());
            $this->sandbox->inject(['on' => 'mobile', 'times' => null, 'action' => $action]);
            $failure = $this->mobileFailure($this->client());
            self::assertSame(FlexPayException::OUTCOME_UNKNOWN, $failure->getOutcome());
            self::assertCount($before + 1, $this->sandbox->requests());
            $this->sandbox->clearFaults();
        }
    }

    public function testAReplyWithoutAnOrderNumberIsUnknown(): void
    {
        $this->sandbox->inject(['on' => 'mobile', 'action' => [
            'kind' => 'reply',
            'status' => 200,
            'headers' => [['Content-Type', 'application/json']],
            'body' => '{"code":"0","message":"Transaction envoyée avec succès","orderNumber":null}',
        ]]);
        $failure = $this->mobileFailure($this->client());
        self::assertInstanceOf(ReplyException::class, $failure);
        self::assertSame(FlexPayException::OUTCOME_UNKNOWN, $failure->getOutcome());
        self::assertSame('order_number', $failure->getField());
    }

    public function testTheBrowserHasNowhereToGo(): void
    {
        $payment = $this->client()->payMobile($this->mobileRequest());
        $this->expectException(\LogicException::class);
        $this->expectExceptionMessage('have no page');
        $payment->sendToBrowser();
    }

    public function testASignedCallback(): void
    {
        $client = $this->client(['callback_secret' => 'un secret de la boutique']);
        $request = $this->mobileRequest(self::BY_HAND);
        $order = (string) $client->payMobile($request)->getOrderNumber();
        $this->sandbox->decide($order, 'approve', true);
        $body = $this->sandbox->callbacks($order, 1)[0]['body'];
        $query = (string) parse_url((string) $this->sandbox->payments()[0]['callback_url'], PHP_URL_QUERY);
        $expected = static function (string $kind, ?string $query) use ($request, $order): Expected {
            return new Expected($request->getReference(), '25.50', 'USD', $order, $query, $kind);
        };

        $transaction = $client->verifyCallback($body, $expected(Expected::KIND_MOBILE, $query));
        self::assertTrue($transaction->isPaid());

        $sent = count($this->sandbox->requests());
        foreach ([Expected::KIND_CARD, Expected::KIND_PAYOUT] as $other) {
            $failure = self::failure(static function () use ($client, $body, $expected, $other, $query): void {
                $client->verifyCallback($body, $expected($other, $query));
            });
            self::assertInstanceOf(MismatchException::class, $failure, $other);
            self::assertSame('query', $failure->getField());
        }
        $failure = self::failure(static function () use ($client, $body, $expected): void {
            $client->verifyCallback($body, $expected(Expected::KIND_MOBILE, null));
        });
        self::assertInstanceOf(InvalidArgumentException::class, $failure);
        self::assertCount($sent, $this->sandbox->requests(), 'no check was sent');
    }

    public function testACardPaymentIsNoMobilePayment(): void
    {
        $client = $this->client();
        $request = $this->request();
        $order = (string) $client->pay($request)->getOrderNumber();
        $this->sandbox->decide($order, 'approve');
        $channel = (string) $client->check($order)->getChannel();
        self::assertContains($channel, ['visa', 'mastercard']);
        foreach ([Expected::KIND_MOBILE, Expected::KIND_PAYOUT] as $kind) {
            $expected = new Expected($request->getReference(), '25.50', 'USD', $order, null, $kind);
            $failure = self::failure(static function () use ($client, $expected): void {
                $client->verifyOrder($expected);
            });
            self::assertInstanceOf(MismatchException::class, $failure);
            self::assertSame('kind', $failure->getField());
        }
    }

    public function testTheSettingsOfTheEnvironment(): void
    {
        $set = $this->sandbox->environment();
        foreach ($set as $name => $value) {
            putenv("$name=$value");
        }
        try {
            self::assertNotNull(Client::fromEnvironment()->payMobile($this->mobileRequest())->getOrderNumber());
        } finally {
            foreach (array_keys($set) as $name) {
                putenv($name);
            }
        }
    }

    private function mobileFailure(Client $client, string $phone = self::BY_HAND): FlexPayException
    {
        $request = $this->mobileRequest($phone);

        return self::failure(static function () use ($client, $request): void {
            $client->payMobile($request);
        });
    }
}
