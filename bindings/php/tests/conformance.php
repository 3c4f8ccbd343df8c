<?php

/**
 * Runs the shared vectors with this package, and prints one line of JSON for each case. TRANSPORT is "ffi" or
 * "program":
 *
 *     php conformance.php TRANSPORT VECTORS_DIR SANDBOX_URL
 */

declare(strict_types=1);

require __DIR__ . '/../autoload.php';

use FlexPay\Callback;
use FlexPay\Client;
use FlexPay\Exception\FlexPayException;
use FlexPay\Expected;
use FlexPay\Internal\Transports;
use FlexPay\MobileRequest;
use FlexPay\Payment;
use FlexPay\PaymentRequest;
use FlexPay\PayoutRequest;
use FlexPay\Phone;
use FlexPay\Transaction;

/** @param array<string, mixed> $case */
function body(array $case): string
{
    if (isset($case['body_hex'])) {
        return (string) hex2bin($case['body_hex']);
    }
    if (isset($case['body_repeat'])) {
        $parts = $case['body_repeat'];

        return $parts['before'] . str_repeat($parts['unit'], $parts['times']) . $parts['after'];
    }

    return $case['body'];
}

/** @param array<string, mixed> $case */
function client(array $case, string $sandbox): Client
{
    return new Client([
        'merchant' => 'ZANDO',
        'token' => 'conformance',
        'api' => $case['api'] ?? 'v1',
        'pay_url' => "$sandbox/vectors/pay/" . $case['name'],
        'mobile_url' => "$sandbox/vectors/mobile/" . $case['name'],
        'payout_url' => "$sandbox/vectors/payout/" . $case['name'],
        'check_url' => "$sandbox/vectors/check/" . $case['name'],
        'timeout_ms' => 30000,
        'check_once' => true,
        'private_connections' => true,
        'allow_payout' => true,
    ]);
}

/**
 * @param array<string, mixed> $case
 *
 * @return array<string, mixed>
 */
function callback(array $case): array
{
    $callback = Callback::parse(body($case));

    return [
        'amount' => $callback->getAmount(),
        'amount_customer' => $callback->getAmountCustomer(),
        'channel' => $callback->getChannel(),
        'claims_success' => $callback->claimsSuccess(),
        'code' => $callback->getCode(),
        'created_at' => $callback->getCreatedAt(),
        'currency' => $callback->getCurrency(),
        'key' => $callback->getKey(),
        'message' => $callback->getMessage(),
        'order_number' => $callback->getOrderNumber(),
        'phone' => $callback->getPhone(),
        'provider_reference' => $callback->getProviderReference(),
        'raw' => $callback->getRaw(),
        'reference' => $callback->getReference(),
    ];
}

/**
 * @param array<string, mixed> $case
 *
 * @return array<string, mixed>
 */
function check(array $case, string $sandbox): array
{
    return transaction(client($case, $sandbox)->check($case['order_number']));
}

/** @return array<string, mixed> */
function transaction(Transaction $transaction): array
{
    return [
        'amount' => $transaction->getAmount(),
        'amount_customer' => $transaction->getAmountCustomer(),
        'amount_customer_minor' => $transaction->getAmountCustomerMinor() ?? -1,
        'amount_minor' => $transaction->getAmountMinor() ?? -1,
        'channel' => $transaction->getChannel(),
        'code' => $transaction->getCode(),
        'created_at' => $transaction->getCreatedAt(),
        'currency' => $transaction->getCurrency(),
        'message' => $transaction->getMessage(),
        'order_number' => $transaction->getOrderNumber(),
        'raw' => $transaction->getRaw(),
        'reference' => $transaction->getReference(),
        'state' => $transaction->getState(),
        'status' => $transaction->getStatus(),
        'trace' => $transaction->getCallTrace(),
    ];
}

/**
 * @param array<string, mixed> $case
 *
 * @return array<string, mixed>
 */
function pay(array $case, string $sandbox): array
{
    return payment(client($case, $sandbox)->pay(new PaymentRequest('MM0000XXFFR159', '100', 'CDF', [
        'approve_url' => 'https://shop.example/ok',
        'cancel_url' => 'https://shop.example/cancel',
        'decline_url' => 'https://shop.example/no',
        'callback_url' => 'https://shop.example/callback',
    ])));
}

/**
 * @param array<string, mixed> $case
 *
 * @return array<string, mixed>
 */
function mobile(array $case, string $sandbox): array
{
    return payment(client($case, $sandbox)->payMobile(new MobileRequest(
        'MM0000XXFFR159',
        '100',
        'CDF',
        '+243 81 234 56 78',
        'https://shop.example/callback',
        [
            'approve_url' => 'https://shop.example/ok',
            'cancel_url' => 'https://shop.example/cancel',
            'decline_url' => 'https://shop.example/no',
        ]
    )));
}

/**
 * @param array<string, mixed> $case
 *
 * @return array<string, mixed>
 */
function payout(array $case, string $sandbox): array
{
    return payment(client($case, $sandbox)->payout(new PayoutRequest(
        'MM0000XXFFR159',
        '100',
        'CDF',
        '+243 81 234 56 78',
        'https://shop.example/callback'
    )));
}

/** @return array<string, mixed> */
function payment(Payment $payment): array
{
    return [
        'code' => $payment->getCode(),
        'is_recorded' => $payment->isRecorded(),
        'message' => $payment->getMessage(),
        'order_number' => $payment->getOrderNumber(),
        'page' => $payment->getPage(),
        'redirect_url' => $payment->getRedirectUrl(),
        'trace' => $payment->getCallTrace(),
    ];
}

/**
 * @param array<string, mixed> $case
 *
 * @return array<string, mixed>
 */
function phone(array $case): array
{
    return ['phone' => Phone::normalize($case['phone'])];
}

/**
 * @param array<string, mixed> $case
 *
 * @return array<string, mixed>
 */
function forgery(array $case, string $sandbox): array
{
    $client = new Client(array_filter([
        'merchant' => 'ZANDO',
        'token' => 'conformance',
        'api' => 'v1.1',
        'check_url' => "$sandbox/vectors/forgery/" . $case['name'],
        'timeout_ms' => 30000,
        'check_once' => true,
        'private_connections' => true,
        'callback_secret' => $case['secret'] ?? null,
        'callback_secret_previous' => $case['secret_previous'] ?? null,
    ], static fn ($option) => $option !== null));
    $expected = $case['expected'];

    return transaction($client->verifyCallback(body($case), new Expected(
        $expected['reference'],
        $expected['amount'],
        $expected['currency'],
        $expected['order_number'],
        $case['query'] ?? null,
        // Most cases expect a card payment, and do not give the kind.
        $expected['kind'] ?? Expected::KIND_CARD
    )));
}

/**
 * @param array<string, mixed> $case
 *
 * @return array<string, mixed>
 */
function states(array $case): array
{
    $now = new Transaction(['state' => $case['now']]);

    return ['may_replace' => $now->mayReplace($case['recorded'])];
}

/**
 * @param array<string, mixed> $case
 *
 * @return array<string, mixed>
 */
function journal(array $case): array
{
    // The stores in a database call this.
    return Transports::current()->journalStep(json_encode($case['request'], JSON_THROW_ON_ERROR));
}

/** @return array<string, mixed> */
function error(FlexPayException $e): array
{
    return [
        'code' => $e->getCodeName(),
        'field' => $e->getField(),
        'gateway_code' => $e->getGatewayCode(),
        'gateway_message' => $e->getGatewayMessage(),
        'http_status' => $e->getHttpStatus(),
        'message' => $e->getMessage(),
        'order_number' => $e->getOrderNumber(),
        'outcome' => $e->getOutcome(),
        'trace' => $e->getCallTrace(),
    ];
}

if ($argc !== 4) {
    fwrite(STDERR, "usage: php conformance.php TRANSPORT VECTORS_DIR SANDBOX_URL\n");
    exit(1);
}
[, $transport, $vectors, $sandbox] = $argv;
// The first client chooses the transport of all that follow, and of the functions without a client.
new Client(['merchant' => 'ZANDO', 'token' => 'conformance', 'transport' => $transport]);
foreach (['callback', 'check', 'pay', 'mobile', 'payout', 'phone', 'forgery', 'states', 'journal'] as $file) {
    $text = (string) file_get_contents("$vectors/$file.json");
    foreach (json_decode($text, true, 512, JSON_THROW_ON_ERROR)['cases'] as $case) {
        try {
            $result = ['ok' => $file($case, $sandbox)];
        } catch (FlexPayException $e) {
            $result = ['error' => error($e)];
        }
        echo json_encode(
            ['case' => "$file/" . $case['name'], 'result' => $result],
            JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_LINE_TERMINATORS | JSON_THROW_ON_ERROR
        ), "\n";
    }
}
