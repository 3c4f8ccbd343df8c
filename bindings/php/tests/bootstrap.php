<?php

/** For PHPUnit: loads the package and the test helpers. */

declare(strict_types=1);

require_once __DIR__ . '/../autoload.php';

spl_autoload_register(static function (string $class): void {
    if (strncmp($class, 'FlexPay\\Tests\\', 14) === 0) {
        $file = __DIR__ . '/php/' . str_replace('\\', '/', substr($class, 14)) . '.php';
        if (is_file($file)) {
            require_once $file;
        }
    }
});

foreach (['FLEXPAY_LIBRARY', 'FLEXPAY_PROGRAM', 'SANDBOX_BIN'] as $variable) {
    if (!is_file((string) getenv($variable))) {
        fwrite(STDERR, "$variable must name a file; run tests/run.sh\n");
        exit(2);
    }
}
