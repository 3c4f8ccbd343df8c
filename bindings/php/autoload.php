<?php

/**
 * Autoloads the classes of this package, for shops without Composer:
 *
 *     require '/path/to/flexpay/autoload.php';
 */

declare(strict_types=1);

spl_autoload_register(static function (string $class): void {
    if (strncmp($class, 'FlexPay\\', 8) !== 0) {
        return;
    }
    $file = __DIR__ . '/src/' . str_replace('\\', '/', substr($class, 8)) . '.php';
    if (is_file($file)) {
        require_once $file;
    }
});
