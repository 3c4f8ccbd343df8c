<?php

/**
 * Lets PHP-FPM use FlexPay under PHP's own default, `ffi.enable=preload`:
 *
 *     opcache.preload=/path/to/flexpay/preload.php
 *
 * PHP then allows FFI to the classes loaded here and to nobody else. A shop with a preload file of
 * its own requires this one from it. The library is looked for as everywhere else: FLEXPAY_LIBRARY
 * (in the environment of the FPM master), then the bundled file. Where it cannot be used, FPM does
 * not start, and its log says why.
 */

declare(strict_types=1);

require_once __DIR__ . '/autoload.php';

(static function (): void {
    foreach (['', '/Exception', '/Internal'] as $folder) {
        foreach (glob(__DIR__ . '/src' . $folder . '/*.php') ?: [] as $file) {
            require_once $file;
        }
    }
    // A master that runs as root preloads in a child, as opcache.preload_user. There PHP has no
    // FFI::load; the classes above then declare the library once per request instead.
    if ((string) ini_get('opcache.preload_user') === '') {
        FlexPay\Internal\Loader::preload();
    }
})();
