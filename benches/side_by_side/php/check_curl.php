<?php

declare(strict_types=1);

// The same check with ext-curl. With ?one it trusts only the CA of the run.

$curl = curl_init(getenv('BENCH_CHECK_URL') . '/' . getenv('BENCH_ORDER'));
curl_setopt_array($curl, [
    CURLOPT_RETURNTRANSFER => true,
    CURLOPT_HTTPHEADER => ['Authorization: Bearer ' . getenv('BENCH_TOKEN')],
    CURLOPT_CAINFO => getenv(isset($_GET['one']) ? 'BENCH_CA_FILE' : 'BENCH_CA_BUNDLE'),
    CURLOPT_TIMEOUT => 30,
]);
$body = curl_exec($curl);
if ($body === false || curl_getinfo($curl, CURLINFO_RESPONSE_CODE) !== 200) {
    http_response_code(500);
    exit(1);
}
$reply = json_decode($body, true, 16, JSON_THROW_ON_ERROR);
$transaction = [
    'code' => $reply['code'],
    'message' => $reply['message'],
    'order_number' => $reply['transaction']['orderNumber'] ?? null,
    'reference' => $reply['transaction']['reference'] ?? null,
    'amount' => $reply['transaction']['amount'] ?? null,
    'amount_customer' => $reply['transaction']['amountCustomer'] ?? null,
    'currency' => $reply['transaction']['currency'] ?? null,
    'created_at' => $reply['transaction']['createdAt'] ?? null,
    'status' => $reply['transaction']['status'] ?? null,
    'channel' => $reply['transaction']['channel'] ?? null,
];
if ($transaction['reference'] !== getenv('BENCH_REFERENCE')) {
    http_response_code(500);
    exit(1);
}
