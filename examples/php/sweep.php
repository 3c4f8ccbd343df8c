<?php

/**
 * Checks every open payment with the gateway, and records its state: callbacks get lost. Run it from
 * cron, with the settings of pay.php in the crontab:
 *
 *     0-59/5 * * * *   php /var/www/shop/sweep.php
 *
 * It also checks payments that failed or were cancelled in the last day: the live gateway has been
 * seen to report "failed" while the customer was still typing, and "paid" afterwards.
 *
 * It prints every payment that a person must look at; the exit status is then 1. In the first ten
 * minutes it is normal that the gateway does not know a payment yet, or has not sent its callback.
 */

declare(strict_types=1);

require __DIR__ . '/shop.php';

use FlexPay\Client;
use FlexPay\Exception\FlexPayException;
use FlexPay\Exception\LibraryException;
use FlexPay\Exception\NotFoundException;
use FlexPay\Exception\UnauthorizedException;

const GRACE_SECONDS = 600;

ini_set('error_log', ''); // to stderr: the terminal, or cron's mail
$database = database();
$open = rows(
    $database,
    SELECT_ATTEMPTS . " WHERE state IN ('UNKNOWN', 'PENDING')"
    . " OR state IN ('FAILED', 'CANCELLED') AND order_number IS NOT NULL AND created_at > datetime('now', '-1 day')"
    . ' ORDER BY created_at'
);

$changed = 0;
$problems = 0;
try {
    $client = Client::fromEnvironment();
    foreach ($open as $attempt) {
        $reference = (string) $attempt['reference'];
        $isOld = (int) $attempt['age'] >= GRACE_SECONDS;
        if ($attempt['order_number'] === null) {
            if ($isOld) {
                echo "$reference has no order number: look for it in the merchant's console\n";
                $problems++;
            }
            continue;
        }
        try {
            $state = verify($database, $client, $attempt);
            if ($state !== $attempt['state']) {
                echo "$reference is $state\n";
                $changed++;
            }
        } catch (LibraryException | UnauthorizedException $e) {
            throw $e; // all other checks would fail in the same way
        } catch (NotFoundException $e) {
            if ($isOld) {
                echo "$reference is not known to the gateway: " . $e->getMessage() . "\n";
                $problems++;
            }
        } catch (FlexPayException $e) {
            echo "$reference could not be verified: " . $e->getMessage() . "\n";
            $problems++;
        }
    }
} catch (FlexPayException $e) {
    echo 'Cannot check any payment: ' . $e->getMessage() . "\n";
    $problems++;
}
printf("%d open, %d changed, %d to look at\n", count($open), $changed, $problems);
exit($problems === 0 ? 0 : 1);
