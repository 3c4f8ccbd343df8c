<?php

declare(strict_types=1);

namespace FlexPay\Tests\Support;

use FlexPay\Client;
use FlexPay\Exception\FlexPayException;
use FlexPay\MobileRequest;
use FlexPay\PaymentRequest;
use PHPUnit\Framework\TestCase;

/** A test that uses the sandbox gateway. */
abstract class SandboxTestCase extends TestCase
{
    protected Sandbox $sandbox;

    protected function setUp(): void
    {
        $this->sandbox = Sandbox::fresh();
    }

    /** @param array<string, mixed> $options */
    protected function client(array $options = []): Client
    {
        return new Client($this->sandbox->options($options));
    }

    /**
     * @param string|int            $amount
     * @param array<string, string> $options
     */
    protected function request($amount = '25.50', string $currency = 'USD', array $options = []): PaymentRequest
    {
        return new PaymentRequest('ref-' . bin2hex(random_bytes(5)), $amount, $currency, $options + [
            'callback_url' => 'http://127.0.0.1:9/callback',
            'approve_url' => 'https://shop.example/ok',
            'cancel_url' => 'https://shop.example/cancel',
            'decline_url' => 'https://shop.example/no',
        ]);
    }

    /**
     * @param string|int            $amount
     * @param array<string, string> $options
     */
    protected function mobileRequest(
        string $phone = '0812345678',
        $amount = '25.50',
        string $currency = 'USD',
        array $options = []
    ): MobileRequest {
        $reference = 'mob-' . bin2hex(random_bytes(5));

        return new MobileRequest($reference, $amount, $currency, $phone, 'http://127.0.0.1:9/callback', $options);
    }

    protected static function failure(callable $call): FlexPayException
    {
        try {
            $call();
        } catch (FlexPayException $failure) {
            return $failure;
        }
        self::fail('no exception was thrown');
    }
}
