<?php

/**
 * Loads a page in PHP-FPM behind nginx, and prints it. For packaging/check/composer.sh.
 *
 *     php composer_fpm.php FOLDER PAGE preload|program
 *
 * preload: with opcache.preload from the folder's vendor; program: with FFI disabled. The settings FLEXPAY_… of the
 * environment are those of the pool.
 */

declare(strict_types=1);

use FlexPay\Tests\Support\Fpm;

foreach (['Process', 'Http', 'TemporaryDirectory', 'Fpm'] as $class) {
    require __DIR__ . "/../../bindings/php/tests/php/Support/$class.php";
}

[, $folder, $page, $mode] = $argv;
$ini = $mode === 'preload'
    ? ['ffi.enable' => 'preload', 'opcache.preload' => "$folder/vendor/flexpay/flexpay/preload.php"]
    : ['ffi.enable' => '0'];
$settings = array_filter(getenv(), static function (string $name): bool {
    return strncmp($name, 'FLEXPAY_', 8) === 0;
}, ARRAY_FILTER_USE_KEY);

$fpm = (new Fpm($folder, $ini, $settings))->start();
[$status, $body] = $fpm->get($page);
$fpm->stop();
echo $body;
if ($status !== 200) {
    fwrite(STDERR, "status $status\n" . $fpm->log());
    exit(1);
}
