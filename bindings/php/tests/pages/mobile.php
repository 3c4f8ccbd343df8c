<?php

/** Requests a payment by mobile money, with a logger. Prints the order number and the log's records. */

declare(strict_types=1);

require_once __DIR__ . '/../../autoload.php';

use FlexPay\Client;
use FlexPay\Exception\FlexPayException;
use FlexPay\MobileRequest;
use FlexPay\Phone;

$logger = new class () {
    /** @var list<array{string, array<string, mixed>}> */
    public array $records = [];

    /** @param array<string, mixed> $context */
    public function log(string $level, string $message, array $context): void
    {
        $this->records[] = [$level, $context];
    }
};

header('Content-Type: application/json');
$phone = Phone::normalize('081 234 56 78');
$reference = 'fpm-' . bin2hex(random_bytes(6));
try {
    $payment = Client::fromEnvironment($logger)->payMobile(
        new MobileRequest($reference, 575, 'CDF', $phone, 'http://127.0.0.1:9/')
    );
    $result = ['order_number' => $payment->getOrderNumber()];
} catch (FlexPayException $e) {
    $result = ['message' => $e->getMessage()];
}
echo json_encode($result + ['records' => $logger->records]);
