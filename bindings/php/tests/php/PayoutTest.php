<?php

declare(strict_types=1);

namespace FlexPay\Tests;

use FlexPay\Client;
use FlexPay\Exception\FlexPayException;
use FlexPay\Exception\InvalidArgumentException;
use FlexPay\Exception\MismatchException;
use FlexPay\Exception\RefusedException;
use FlexPay\Expected;
use FlexPay\PayoutRequest;
use FlexPay\Tests\Support\Sandbox;
use FlexPay\Tests\Support\SandboxTestCase;
use FlexPay\Transaction;

/** Payouts, with the sandbox gateway. */
final class PayoutTest extends SandboxTestCase
{
    private const CANNOT_RECEIVE = '0970000004';
    private const FAILS = '0970000007';

    private function payoutRequest(string $phone = '0991234567'): PayoutRequest
    {
        $reference = 'out-' . bin2hex(random_bytes(5));

        return new PayoutRequest($reference, '12.50', 'USD', $phone, 'http://127.0.0.1:9/callback', [
            'correlation_id' => 'paie-11',
        ]);
    }

    private function expected(PayoutRequest $request, ?string $order, ?string $query = null): Expected
    {
        return new Expected($request->getReference(), '12.50', 'USD', $order, $query, Expected::KIND_PAYOUT);
    }

    private function payer(): Client
    {
        return $this->client(['allow_payout' => true]);
    }

    public function testAClientThatMayNotPayOut(): void
    {
        $clients = [
            $this->client(),
            $this->client(['allow_payout' => false]),
            $this->client(['allow_payout' => null]),
        ];
        foreach ($clients as $client) {
            $failure = self::failure(function () use ($client): void {
                $client->payout($this->payoutRequest());
            });
            self::assertInstanceOf(InvalidArgumentException::class, $failure);
            self::assertSame('allow_payout', $failure->getField());
            self::assertSame(FlexPayException::OUTCOME_NOT_SENT, $failure->getOutcome());
        }
        self::assertSame([], $this->sandbox->requests());
    }

    public function testTheBeneficiaryReceivesTheMoney(): void
    {
        $sandbox = new Sandbox(['--quirks', '{"hold_payouts":true}']);
        $client = new Client($sandbox->options(['allow_payout' => true]));
        $request = $this->payoutRequest('+243 99 123-45-67');
        $payment = $client->payout($request);
        self::assertNotNull($payment->getOrderNumber());
        self::assertNull($payment->getRedirectUrl());
        self::assertNull($payment->getPage());
        $sent = $sandbox->payments()[0];
        self::assertSame('payout', $sent['kind']);
        self::assertSame('243991234567', $sent['phone']);
        self::assertSame('12.5', $sent['amount']);
        self::assertSame('USD', $sent['currency']);
        self::assertSame($request->getReference(), $sent['reference']);
        self::assertSame($request->getCallbackUrl(), $sent['callback_url']);
        self::assertSame('paie-11', $request->getCorrelationId());
        self::assertStringNotContainsString('paie-11', (string) json_encode($sandbox->requests()));

        $expected = $this->expected($request, $payment->getOrderNumber());
        self::assertSame(Transaction::STATE_PENDING, $client->verifyOrder($expected)->getState());
        $sandbox->decide((string) $payment->getOrderNumber(), 'approve');
        self::assertTrue($client->verifyOrder($expected)->isPaid());
    }

    public function testTheGatewayRefuses(): void
    {
        $client = $this->payer();
        $failure = self::failure(function () use ($client): void {
            $client->payout($this->payoutRequest(self::CANNOT_RECEIVE));
        });
        self::assertInstanceOf(RefusedException::class, $failure);
        self::assertStringContainsString('Receiver invalid', (string) $failure->getGatewayMessage());
    }

    public function testAnAcceptedPayoutMayFail(): void
    {
        $client = $this->payer();
        $request = $this->payoutRequest(self::FAILS);
        $order = $client->payout($request)->getOrderNumber();
        self::assertSame(
            Transaction::STATE_FAILED,
            $client->verifyOrder($this->expected($request, $order))->getState()
        );
    }

    public function testAPayoutThatMayHaveArrivedIsSentOnce(): void
    {
        $client = $this->payer();
        foreach ([['kind' => 'reset_after_reading'], ['kind' => 'html', 'status' => 500]] as $action) {
            $before = count($this->sandbox->requests());
            $this->sandbox->inject(['on' => 'payout', 'times' => null, 'action' => $action]);
            $failure = self::failure(function () use ($client): void {
                $client->payout($this->payoutRequest());
            });
            self::assertSame(FlexPayException::OUTCOME_UNKNOWN, $failure->getOutcome());
            self::assertCount($before + 1, $this->sandbox->requests());
            $this->sandbox->clearFaults();
        }
    }

    public function testACallbackNeedsAnOrderNumberOrASignature(): void
    {
        $client = $this->payer();
        $request = $this->payoutRequest();
        $order = (string) $client->payout($request)->getOrderNumber();
        $body = (string) json_encode([
            'code' => '0',
            'reference' => $request->getReference(),
            'orderNumber' => $order,
        ]);
        self::assertTrue($client->verifyCallback($body, $this->expected($request, $order))->isPaid());
        $failure = self::failure(function () use ($client, $body, $request): void {
            $client->verifyCallback($body, $this->expected($request, null));
        });
        self::assertInstanceOf(InvalidArgumentException::class, $failure);
        self::assertSame('order_number', $failure->getField());
    }

    public function testACollectionNeverVouchesForAPayout(): void
    {
        $options = ['allow_payout' => true, 'callback_secret' => 'un secret de la boutique'];
        $client = $this->client($options);
        $payout = $this->payoutRequest();
        $order = (string) $client->payout($payout)->getOrderNumber();
        $query = (string) parse_url($this->callbackUrl($payout->getReference()), PHP_URL_QUERY);
        $body = (string) json_encode([
            'code' => '0',
            'reference' => $payout->getReference(),
            'orderNumber' => $order,
        ]);
        self::assertTrue($client->verifyCallback($body, $this->expected($payout, null, $query))->isPaid());

        // The same values, signed for a payment by mobile money.
        $mobile = $this->mobileRequest('0812345678', '12.50', 'USD');
        $client->payMobile($mobile);
        $other = (string) parse_url($this->callbackUrl($mobile->getReference()), PHP_URL_QUERY);
        $expected = new Expected($mobile->getReference(), '12.50', 'USD', null, $other, Expected::KIND_PAYOUT);
        $failure = self::failure(static function () use ($client, $body, $expected): void {
            $client->verifyCallback($body, $expected);
        });
        self::assertInstanceOf(MismatchException::class, $failure);
        self::assertSame('query', $failure->getField());
    }

    /** The callback URL that the gateway received with this reference. */
    private function callbackUrl(string $reference): string
    {
        $urls = array_column($this->sandbox->payments(), 'callback_url', 'reference');

        return (string) $urls[$reference];
    }
}
