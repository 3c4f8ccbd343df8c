<?php

declare(strict_types=1);

// One check, as a page of a shop does it, with flexpay. The settings are in the environment.

require getenv('BENCH_PHP_PACKAGE') . '/autoload.php';

$client = new FlexPay\Client([
    'merchant' => 'ZANDO',
    'token' => getenv('BENCH_TOKEN'),
    'check_url' => getenv('BENCH_CHECK_URL'),
    'ca_file' => getenv('BENCH_CA_FILE'),
]);
$transaction = $client->check(getenv('BENCH_ORDER'));
exit($transaction->getReference() === getenv('BENCH_REFERENCE') ? 0 : 1);
