<?php

/**
 * Asks the gateway about every open payment, and records its state: callbacks get lost. Run it from cron, with the
 * settings of pay.php in the crontab:
 *
 *     0-59/5 * * * *   php /var/www/shop/sweep.php
 *
 * It prints every payment that a person must look at; the exit status is then 1. In the first ten
 * minutes it is normal that the gateway does not know a payment yet, or has not sent its callback.
 */

declare(strict_types=1);

require __DIR__ . '/shop.php';

use FlexPay\Exception\FlexPayException;
use FlexPay\Settlement;

const GRACE_SECONDS = 600;

/** What a person must do about an attempt. null: nothing. */
function problem(Settlement $attempt): ?string
{
    if ($attempt->getOtherOrderNumber() !== null) {
        return 'has two orders, ' . (string) $attempt->getOrderNumber() . ' and ' . $attempt->getOtherOrderNumber()
            . ': if both were paid, give the money of one back';
    }
    $isOld = (int) strtotime($attempt->getCreatedAt()) < time() - GRACE_SECONDS;
    if ($isOld && $attempt->getState() === Settlement::STATE_IN_DOUBT) {
        return "is in doubt: look for it in the merchant's console, and resolve it";
    }

    return $isOld ? $attempt->getProblem() : null;
}

ini_set('error_log', ''); // to stderr: the terminal, or cron's mail
$database = database();
$changed = 0;
$problems = 0;
$attempts = [];
try {
    $journal = journal($database);
    $found = $journal->reconcile();
    $attempts = $found->getSettlements();
    foreach ($attempts as $attempt) {
        $reference = $attempt->getReference();
        if ($attempt->hasChanged()) {
            echo "$reference is {$attempt->getState()}\n";
            $changed++;
        }
        $problem = problem($attempt);
        if ($problem !== null) {
            echo "$reference $problem\n";
            $problems++;
        }
        try {
            deliver($database, $journal, $attempt);
        } catch (FlexPayException | PDOException $e) {
            // The next sweep tries again.
            echo "$reference cannot be delivered now: {$e->getMessage()}\n";
            $problems++;
        }
    }
    if ($found->getStopped() !== null) {
        echo 'Not all payments were asked about: ' . $found->getStopped() . "\n";
        $problems++;
    }
} catch (FlexPayException $e) {
    echo 'Cannot ask about any payment: ' . $e->getMessage() . "\n";
    $problems++;
}
printf("%d entries, %d changed, %d to look at\n", count($attempts), $changed, $problems);
exit($problems === 0 ? 0 : 1);
