<?php

/**
 * Calls every function very often, and fails if the memory of the process keeps growing:
 *
 *     php memory.php [LOCAL_CALLS [NETWORK_CALLS SANDBOX_URL TOKEN]]
 *
 * After a warm-up, it measures the memory allocated by C (with mallinfo2, if the C library has it)
 * and the resident memory. Both may grow a little, but by less per call than one leaked object.
 */

declare(strict_types=1);

require __DIR__ . '/../autoload.php';

use FlexPay\Callback;
use FlexPay\CancelToken;
use FlexPay\Client;
use FlexPay\Exception\FlexPayException;
use FlexPay\Expected;
use FlexPay\MobileRequest;
use FlexPay\PaymentRequest;
use FlexPay\PayoutRequest;
use FlexPay\Phone;
use FlexPay\Transaction;
use FlexPay\WaitOptions;

const BYTES_PER_CALL = 24;
const SLACK_ALLOCATED = 16384;
const SLACK_RESIDENT_KIB = 512;

/** The bytes that C has allocated and not freed; null if the C library has no mallinfo2. */
function allocated(): ?int
{
    static $c = null;
    try {
        $fields = 'arena, ordblks, smblks, hblks, hblkhd, usmblks, fsmblks, uordblks, fordblks, keepcost';
        $c = $c ?? FFI::cdef("struct mallinfo2 { size_t $fields; }; struct mallinfo2 mallinfo2(void);");
        $info = $c->mallinfo2();

        return $info->uordblks + $info->hblkhd;
    } catch (FFI\Exception $missing) {
        return null;
    }
}

function residentKib(): int
{
    preg_match('/^VmRSS:\s+(\d+) kB$/m', (string) file_get_contents('/proc/self/status'), $found);

    return (int) $found[1];
}

/** Calls $call $times times, prints a line, and returns whether the memory stayed within the limits. */
function measure(string $name, int $times, callable $call): bool
{
    $warmUp = max(100, intdiv($times, 10));
    for ($n = 0; $n < $warmUp; $n++) {
        $call($n);
    }
    gc_collect_cycles();
    $before = residentKib();
    $allocated = allocated();
    $started = microtime(true);
    for ($n = 0; $n < $times; $n++) {
        $call($n);
    }
    gc_collect_cycles();
    $growth = (int) allocated() - (int) $allocated;
    $after = residentKib();
    $ok = ($after - $before) * 1024 <= SLACK_RESIDENT_KIB * 1024 + BYTES_PER_CALL * $times
        && $growth <= SLACK_ALLOCATED + BYTES_PER_CALL * $times;
    printf(
        "%-34s %7d calls %6.1f us each   resident %6d -> %6d KiB   allocated %+7d   %s\n",
        $name,
        $times,
        (microtime(true) - $started) / max($times, 1) * 1e6,
        $before,
        $after,
        $growth,
        $ok ? 'ok' : 'GROWS'
    );

    return $ok;
}

/** Wraps a call that must throw an exception of this package. */
function refused(callable $call): callable
{
    return static function (int $n) use ($call): void {
        try {
            $call($n);
        } catch (FlexPayException $expected) {
            return;
        }
        throw new LogicException('no exception was thrown');
    };
}

$times = (int) ($argv[1] ?? 100000);
$networkTimes = (int) ($argv[2] ?? 0);
$settings = ['merchant' => 'ZANDO', 'token' => 'conformance', 'pay_url' => 'http://127.0.0.1:9/'];
$logger = new class () {
    /** @param array<string, mixed> $context */
    public function log(string $level, string $message, array $context): void
    {
    }
};
$client = new Client($settings);
$body = '{"code":"0","reference":"MLOPN5472452","provider_reference":"7KI81020PHS","orderNumber":"9bsTX7"}';
$request = new PaymentRequest('MM0000XXFFR159', '0', 'CDF', ['description' => str_repeat('pagne ', 100)]);
$mobile = new MobileRequest('MM0000XXFFR159', '100', 'CDF', '0812', 'https://shop.example/');
$payout = new PayoutRequest('MM0000XXFFR159', '100', 'CDF', '0812', 'https://shop.example/');
$traced = new Client(['trace' => true, 'allow_payout' => true] + $settings);
$logged = new Client($settings, $logger);
$withNul = new PaymentRequest("MM\0", '1', 'CDF', ['description' => 'pagne']);
$other = new Expected('another', '100', 'CDF', '9bsTX7');
$cancelled = new CancelToken();
$cancelled->cancel();
$options = new WaitOptions(['cancel' => $cancelled]);

foreach (['MERCHANT' => 'ZANDO', 'TOKEN' => 'conformance', 'PAY_URL' => 'http://127.0.0.1:9/'] as $name => $value) {
    putenv("FLEXPAY_$name=$value");
}
$names = ['status', 'order_number', 'reference', 'amount', 'amount_customer', 'currency', 'created_at', 'channel',
    'code', 'message', 'raw', 'trace'];
$transaction = new Transaction(
    ['state' => 'PAID', 'amount_minor' => -1, 'amount_customer_minor' => -1] + array_fill_keys($names, '')
);

$results = [
    measure('parse', $times, static function () use ($body): void {
        Callback::parse($body)->getReference();
    }),
    measure('parse, refused', $times, refused(static function (): void {
        Callback::parse('{"code":"0"');
    })),
    measure('parse, bodies of every size', $times, refused(static function (int $n): void {
        Callback::parse(str_repeat('x', $n % 5000));
    })),
    measure('key', $times, static function () use ($body): void {
        Callback::parse($body)->getKey();
    }),
    measure('pay, refused', $times, refused(static function () use ($client, $request): void {
        $client->pay($request);
    })),
    measure('pay, refused for a NUL', $times, refused(static function () use ($client, $withNul): void {
        $client->pay($withNul);
    })),
    measure('payMobile, refused, with a trace', $times, refused(static function () use ($traced, $mobile): void {
        $traced->payMobile($mobile);
    })),
    measure('payMobile, refused, with a logger', $times, refused(static function () use ($logged, $mobile): void {
        $logged->payMobile($mobile);
    })),
    measure('payout, refused', $times, refused(static function () use ($traced, $payout): void {
        $traced->payout($payout);
    })),
    measure('phone', $times, static function (): void {
        Phone::normalize('+243 81 234 56 78');
    }),
    measure('phone, refused', $times, refused(static function (): void {
        Phone::normalize('+33 6 12 34 56 78');
    })),
    measure('check, refused', $times, refused(static function () use ($client): void {
        $client->check('');
    })),
    measure('wait, cancelled', $times, refused(static function () use ($client, $options): void {
        $client->wait('9bsTX7', $options);
    })),
    measure('verify, refused', $times, refused(static function () use ($client, $body, $other): void {
        $client->verifyCallback($body, $other);
    })),
    measure('mayReplace', $times, static function () use ($transaction): void {
        $transaction->mayReplace(Transaction::STATE_PENDING);
    }),
    measure('fromEnvironment', intdiv($times, 20), static function (): void {
        Client::fromEnvironment();
    }),
    measure('fromEnvironment, with a logger', intdiv($times, 20), static function () use ($logger): void {
        Client::fromEnvironment($logger);
    }),
    measure('client created and freed', intdiv($times, 20), static function () use ($settings): void {
        new Client($settings);
    }),
    measure('client refused', $times, refused(static function () use ($settings): void {
        new Client(['pay_url' => 'ftp://x'] + $settings);
    })),
    measure('cancel token created and freed', $times, static function (): void {
        new CancelToken();
    }),
];

if ($networkTimes > 0) {
    $gateway = [
        'merchant' => 'ZANDO',
        'token' => $argv[4],
        'api' => 'v1.1',
        'pay_url' => $argv[3] . '/v1.1/pay',
        'check_url' => $argv[3] . '/api/rest/v1/check',
        'mobile_url' => $argv[3] . '/api/rest/v1/paymentService',
    ];
    $client = new Client($gateway);
    $logged = new Client($gateway, $logger);
    $addresses = array_fill_keys(['callback_url', 'approve_url', 'cancel_url', 'decline_url'], 'https://shop.example/');
    $run = bin2hex(random_bytes(6));
    $order = (string) $client->pay(new PaymentRequest("$run-0", 100, 'CDF', $addresses))->getOrderNumber();
    $results[] = measure('pay', $networkTimes, static function () use ($client, $addresses, $run): void {
        static $count = 0;
        $count++;
        $client->pay(new PaymentRequest("$run-$count", 100, 'CDF', $addresses))->getOrderNumber();
    });
    $results[] = measure('payMobile, with a logger', $networkTimes, static function () use ($logged, $run): void {
        static $count = 0;
        $count++;
        $logged->payMobile(new MobileRequest("$run-m$count", 100, 'CDF', '0812345678', 'https://shop.example/'));
    });
    $results[] = measure('check', $networkTimes, static function () use ($client, $order): void {
        $client->check($order)->getState();
    });
    $body = (string) json_encode(['code' => '0', 'reference' => "$run-0", 'orderNumber' => $order]);
    $expected = new Expected("$run-0", 100, 'CDF', $order);
    $results[] = measure('verify', $networkTimes, static function () use ($client, $body, $expected): void {
        $client->verifyCallback($body, $expected);
    });
    file_get_contents($argv[3] . "/sandbox/api/payments/$order/decide", false, stream_context_create(['http' => [
        'method' => 'POST',
        'header' => 'Content-Type: application/json',
        'content' => '{"decision":"approve","callback":false}',
    ]]));
    $results[] = measure('wait', $networkTimes, static function () use ($client, $order): void {
        $client->wait($order)->getState();
    });
    $results[] = measure('check, not found', $networkTimes, refused(static function () use ($client): void {
        $client->check('unknown');
    }));
}

exit(in_array(false, $results, true) ? 1 : 0);
