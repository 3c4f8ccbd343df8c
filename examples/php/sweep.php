<?php

/**
 * Asks the gateway about every payment that is still open, and writes down what it says: notices get
 * lost. For cron, with the settings of pay.php in the crontab:
 *
 *     0-59/5 * * * *   php /var/www/shop/sweep.php
 *
 * A payment that failed or was cancelled in the last day is asked about too: the live gateway has been
 * seen to say "failed" while the customer was still typing, and "paid" afterwards.
 *
 * What a person must look at is printed, and then the exit status is 1. In the first ten minutes it is
 * normal that the gateway does not know a payment yet, or that its notice is still to come.
 */

declare(strict_types=1);

require __DIR__ . '/shop.php';

use FlexPay\Client;
use FlexPay\Exception\FlexPayException;
use FlexPay\Exception\LibraryException;
use FlexPay\Exception\NotFoundException;
use FlexPay\Exception\UnauthorizedException;

ini_set('error_log', ''); // to the terminal, or to cron's letter
$database = database();
$open = rows(
    $database,
    "SELECT attempts.*, amount, currency, asked_at < datetime('now', '-10 minutes') AS old FROM attempts"
    . ' JOIN orders ON orders.id = order_id'
    . " WHERE state IN ('UNKNOWN', 'PENDING')"
    . "    OR state IN ('FAILED', 'CANCELLED') AND order_number IS NOT NULL AND asked_at > datetime('now', '-1 day')"
    . ' ORDER BY asked_at'
);

$changed = 0;
$troubles = 0;
try {
    $client = Client::fromEnvironment();
    foreach ($open as $attempt) {
        $reference = (string) $attempt['reference'];
        $is_old = (bool) $attempt['old'];
        if ($attempt['order_number'] === null) {
            if ($is_old) {
                echo "$reference has no order number: look for it in the merchant's console\n";
                $troubles++;
            }
            continue;
        }
        try {
            $state = record($database, $reference, $client->verifyOrder(expected($attempt)));
            if ($state !== $attempt['state']) {
                echo "$reference is $state\n";
                $changed++;
            }
        } catch (LibraryException | UnauthorizedException $e) {
            throw $e; // the others would fail in the same way
        } catch (NotFoundException $e) {
            if ($is_old) {
                echo "$reference is not known to the gateway: " . $e->getMessage() . "\n";
                $troubles++;
            }
        } catch (FlexPayException $e) {
            echo "$reference could not be verified: " . $e->getMessage() . "\n";
            $troubles++;
        }
    }
} catch (FlexPayException $e) {
    echo 'The gateway cannot be asked: ' . $e->getMessage() . "\n";
    $troubles++;
}
printf("%d open, %d changed, %d to look at\n", count($open), $changed, $troubles);
exit($troubles === 0 ? 0 : 1);
