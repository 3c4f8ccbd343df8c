<?php

/**
 * Makes FlexPay usable in PHP-FPM with PHP's default setting, `ffi.enable=preload`:
 *
 *     opcache.preload=/path/to/flexpay/preload.php
 *
 * PHP then allows FFI only to the classes loaded here. If the shop has its own preload file, require
 * this file from it. The library is the one named by FLEXPAY_LIBRARY (in the environment of the FPM
 * master) or, if that is not set, the bundled file. If it cannot be loaded, FPM does not start, and
 * its log contains the reason.
 *
 * PHP on Windows cannot preload: there, set `ffi.enable=true` instead.
 */

declare(strict_types=1);

require_once __DIR__ . '/autoload.php';

(static function (): void {
    foreach (['', '/Exception', '/Internal', '/Journal'] as $directory) {
        foreach (glob(__DIR__ . '/src' . $directory . '/*.php') ?: [] as $file) {
            require_once $file;
        }
    }
    // A master that runs as root preloads in a child process, as opcache.preload_user. FFI::load is
    // not available there; the classes above then load the library once per request instead.
    if ((string) ini_get('opcache.preload_user') === '') {
        FlexPay\Internal\Loader::preload();
    }
})();
