<?php

declare(strict_types=1);

// One check with flexpay, as in a page or a script of a shop. The settings are in the environment.

require getenv('BENCH_PHP_PACKAGE') . '/autoload.php';

$client = new FlexPay\Client([
    'merchant' => 'ZANDO',
    'token' => getenv('BENCH_TOKEN'),
    'check_url' => getenv('BENCH_CHECK_URL'),
    'ca_file' => getenv('BENCH_CA_FILE'),
]);
$transaction = $client->check(getenv('BENCH_ORDER'));
if ($transaction->getReference() !== getenv('BENCH_REFERENCE')) {
    http_response_code(500);
    exit(1);
}
