<?php

declare(strict_types=1);

namespace FlexPay\Tests;

use FlexPay\Journal\Journal;
use FlexPay\Journal\PdoStore;
use FlexPay\Tests\Support\Fpm;
use FlexPay\Tests\Support\Http;
use FlexPay\Tests\Support\Process;
use FlexPay\Tests\Support\SandboxTestCase;
use FlexPay\Tests\Support\TemporaryDirectory;

/** Runs the examples in PHP-FPM behind nginx. The sandbox gateway posts its callbacks to them. */
final class ExamplesTest extends SandboxTestCase
{
    private const EXAMPLES = __DIR__ . '/../../../../examples/php';

    /** PHP may neither use FFI nor start the program. */
    private const NOTHING_ALLOWED = ['ffi.enable' => '0', 'disable_functions' => 'proc_open'];

    private TemporaryDirectory $directory;
    private string $file;
    private \PDO $database;
    private Fpm $fpm;

    /** @var array<string, string> */
    private array $settings;

    /** @var list<string> the body of every HTTP response */
    private array $bodies = [];

    /** @param array<string, string> $settings */
    private function open(array $settings = []): void
    {
        $this->directory = new TemporaryDirectory();
        $this->file = $this->directory->path . '/shop.sqlite';
        $this->database = new \PDO("sqlite:$this->file", null, null, [
            \PDO::ATTR_ERRMODE => \PDO::ERRMODE_EXCEPTION,
            \PDO::ATTR_DEFAULT_FETCH_MODE => \PDO::FETCH_ASSOC,
        ]);
        $this->database->exec((string) file_get_contents(self::EXAMPLES . '/schema.sql'));
        (new PdoStore($this->database))->createTable();
        chmod($this->directory->path, 0777);
        chmod($this->file, 0666);
        $this->settings = $settings + ['SHOP_DATABASE' => $this->file] + $this->sandbox->environment();
        // The transport of this PHP.
        $ffi = ini_get('ffi.enable') === '0'
            ? ['ffi.enable' => '0']
            : ['ffi.enable' => 'preload', 'opcache.preload' => __DIR__ . '/../../preload.php'];
        $this->fpm = new Fpm(self::EXAMPLES, $ffi + ['display_errors' => '1'], $this->settings);
        $this->settings['SHOP_URL'] = rtrim($this->fpm->url(''), '/');
        $this->fpm->setEnvironment('SHOP_URL', $this->settings['SHOP_URL']);
        $this->fpm->start();
    }

    protected function tearDown(): void
    {
        foreach ($this->bodies as $body) {
            self::assertStringNotContainsString($this->sandbox->token(), $body);
            self::assertStringNotContainsString('FlexPay\\', $body);
            self::assertStringNotContainsString('.php', $body);
        }
        self::assertStringNotContainsString($this->sandbox->token(), $this->fpm->log());
        self::assertStringNotContainsString('PHP Warning', $this->fpm->log());
        $this->fpm->stop();
    }

    // ---- Actions --------------------------------------------------------------------------------

    private function order(string $id, string $amount = '25.50', string $currency = 'USD'): void
    {
        $this->database->prepare('INSERT INTO orders (id, amount, currency) VALUES (?, ?, ?)')
            ->execute([$id, $amount, $currency]);
    }

    /** The customer submits the payment form. Returns the HTTP status. */
    private function pay(string $order): int
    {
        [$status, $body] = Http::send(
            'POST',
            $this->fpm->url('pay.php'),
            "order=$order",
            'application/x-www-form-urlencoded'
        );
        $this->bodies[] = $body;

        return $status;
    }

    /** The customer submits the form of the page for mobile money. Returns the HTTP status. */
    private function payMobile(string $order, string $phone = '081 234 56 78'): int
    {
        [$status, $body] = Http::send(
            'POST',
            $this->fpm->url("mobile.php?order=$order"),
            http_build_query(['phone' => $phone]),
            'application/x-www-form-urlencoded'
        );
        $this->bodies[] = $body;

        return $status;
    }

    /** The page for mobile money, as the customer's browser loads it again. */
    private function mobilePage(string $order): string
    {
        [$status, $body] = $this->fpm->get("mobile.php?order=$order");
        self::assertSame(200, $status, $body);
        $this->bodies[] = $body;

        return $body;
    }

    /** The customer decides, and the gateway posts its callback. Returns the callback's HTTP status. */
    private function decide(string $reference, string $decision, int $callbacks = 1): int
    {
        $number = $this->number($reference);
        $this->sandbox->decide($number, $decision, true);
        $all = $this->sandbox->callbacks($number, $callbacks);
        $this->bodies[] = (string) end($all)['reply_body'];

        return (int) end($all)['reply_status'];
    }

    /** The customer answers on the phone, and the gateway posts its callback. Returns the callback's HTTP status. */
    private function answer(string $reference, string $answer): int
    {
        [$status, $output] = Process::run([(string) getenv('SANDBOX_BIN'), 'customer', $answer,
            $this->sandbox->url(), '--reference', $reference]);
        self::assertSame(0, $status, $output);
        $callback = $this->sandbox->callbacks($this->number($reference), 1)[0];
        $this->bodies[] = (string) $callback['reply_body'];

        return (int) $callback['reply_status'];
    }

    /** @param array<string, string>|string $callback */
    private function post($callback, string $query = ''): int
    {
        $body = is_array($callback) ? (string) json_encode($callback) : $callback;
        [$status, $response] = Http::send('POST', $this->fpm->url('callback.php') . $query, $body);
        $this->bodies[] = $response;

        return $status;
    }

    /** @return array{int, string} exit status and output of sweep.php */
    private function sweep(): array
    {
        return Process::run([PHP_BINARY, self::EXAMPLES . '/sweep.php'], $this->settings + getenv());
    }

    /** An attempt is eleven minutes old. */
    private function backdate(string $reference): void
    {
        $this->database->prepare("UPDATE flexpay_journal SET created_at = strftime('%Y-%m-%dT%H:%M:%SZ', 'now',"
            . " '-11 minutes') WHERE reference = ?")->execute([$reference]);
    }

    // ---- Results --------------------------------------------------------------------------------

    /** @return array<string, mixed> the entry of the journal */
    private function attempt(string $reference): array
    {
        $find = $this->database->prepare('SELECT entry FROM flexpay_journal WHERE reference = ?');
        $find->execute([$reference]);

        return json_decode((string) $find->fetchColumn(), true) ?? [];
    }

    private function state(string $reference): ?string
    {
        return $this->attempt($reference)['state'] ?? null;
    }

    private function number(string $reference): string
    {
        return (string) $this->attempt($reference)['order_number'];
    }

    private function paidBy(string $order): ?string
    {
        $find = $this->database->prepare('SELECT paid_by FROM orders WHERE id = ?');
        $find->execute([$order]);

        return $find->fetchColumn() ?: null;
    }

    /** @return array<string, string> a callback that claims that an attempt is paid */
    private function claim(string $reference): array
    {
        return ['code' => '0', 'reference' => $reference, 'orderNumber' => $this->number($reference)];
    }

    private function deliveries(int $expected = 1): int
    {
        // Count only FPM's lines: nginx also writes the message to its own log. FPM's master may write
        // a worker's message after the worker's reply was sent, so wait for as many as are expected.
        $count = 0;
        for ($attempt = 0; $count < $expected && $attempt < 500; $attempt++) {
            $count = (int) preg_match_all(
                '/NOTICE: PHP message: flexpay: \S+ is paid: deliver/',
                $this->fpm->log()
            );
            if ($count < $expected) {
                usleep(10000);
            }
        }

        return $count;
    }

    // ---- Payments -------------------------------------------------------------------------------

    public function testAnOrderIsPaid(): void
    {
        $this->open();
        $this->order('INVOICE-1');
        self::assertSame(303, $this->pay('INVOICE-1'));
        self::assertSame('INVOICE-1-1', $this->sandbox->payments()[0]['reference']);
        self::assertSame(200, $this->decide('INVOICE-1-1', 'approve'), $this->fpm->log());
        self::assertSame('PAID', $this->state('INVOICE-1-1'));
        self::assertSame('INVOICE-1-1', $this->paidBy('INVOICE-1'));
        self::assertSame(1, $this->deliveries());
        self::assertSame(409, $this->pay('INVOICE-1'), 'it cannot be paid again');
        self::assertStringContainsString('is paid', end($this->bodies) ?: '');
        self::assertCount(1, $this->sandbox->payments());
    }

    /** @return iterable<string, array{string, string}> */
    public function failures(): iterable
    {
        yield 'declined, then paid' => ['decline', 'FAILED'];
        yield 'cancelled, then paid' => ['cancel', 'CANCELLED'];
    }

    /** @dataProvider failures */
    public function testPaidAtTheSecondAttempt(string $decision, string $state): void
    {
        $this->open();
        $this->order('INVOICE-2');
        $this->pay('INVOICE-2');
        self::assertSame(200, $this->decide('INVOICE-2-1', $decision));
        self::assertSame($state, $this->state('INVOICE-2-1'));
        self::assertNull($this->paidBy('INVOICE-2'));

        self::assertSame(303, $this->pay('INVOICE-2'), 'under a new reference');
        self::assertSame(200, $this->decide('INVOICE-2-2', 'approve'));
        self::assertSame('INVOICE-2-2', $this->paidBy('INVOICE-2'));
        self::assertSame($state, $this->state('INVOICE-2-1'));
        self::assertSame(1, $this->deliveries());
        self::assertSame(409, $this->pay('INVOICE-2'));
    }

    public function testDeclinedAndTheCallbackWasLost(): void
    {
        $this->open();
        $this->order('INVOICE-3');
        $this->pay('INVOICE-3');
        self::assertSame(303, $this->pay('INVOICE-3'), 'back to the same card page');
        self::assertCount(1, $this->sandbox->payments());

        $this->sandbox->decide($this->number('INVOICE-3-1'), 'decline');
        self::assertSame(303, $this->pay('INVOICE-3'), 'the gateway was asked');
        self::assertSame('FAILED', $this->state('INVOICE-3-1'));
        self::assertSame('ACCEPTED', $this->state('INVOICE-3-2'));
    }

    public function testPaidAndTheCallbackWasLost(): void
    {
        $this->open();
        $this->order('INVOICE-3');
        $this->pay('INVOICE-3');
        $this->sandbox->decide($this->number('INVOICE-3-1'), 'approve');
        self::assertSame(409, $this->pay('INVOICE-3'));
        self::assertStringContainsString('is paid', end($this->bodies) ?: '');
        self::assertSame('INVOICE-3-1', $this->paidBy('INVOICE-3'));
        self::assertSame(1, $this->deliveries());
    }

    public function testPaidAfterADecline(): void
    {
        $this->open();
        $this->order('INVOICE-4');
        $this->pay('INVOICE-4');
        $this->decide('INVOICE-4-1', 'decline');
        self::assertSame(200, $this->decide('INVOICE-4-1', 'approve', 2), 'the gateway changes the state');
        self::assertSame('PAID', $this->state('INVOICE-4-1'));
        self::assertSame('INVOICE-4-1', $this->paidBy('INVOICE-4'));
        self::assertSame(1, $this->deliveries());
        self::assertSame(409, $this->pay('INVOICE-4'));
    }

    public function testPaidAfterADeclineAndASecondAttempt(): void
    {
        $this->open();
        $this->order('INVOICE-4');
        $this->pay('INVOICE-4');
        $this->decide('INVOICE-4-1', 'decline');
        $this->pay('INVOICE-4');
        $this->decide('INVOICE-4-2', 'approve');
        self::assertSame(200, $this->decide('INVOICE-4-1', 'approve', 2));
        self::assertSame('PAID', $this->state('INVOICE-4-1'));
        self::assertSame('INVOICE-4-2', $this->paidBy('INVOICE-4'));
        self::assertSame(1, $this->deliveries(), 'the goods are delivered once');
        self::assertStringContainsString(
            'INVOICE-4-1 is paid, but its order was already paid: refund it',
            $this->fpm->log()
        );
    }

    public function testAForgedCallbackChangesNothing(): void
    {
        $this->open();
        $this->order('DEAR', '900');
        $this->order('CHEAP', '1');
        $this->pay('DEAR');
        $this->pay('CHEAP');
        $this->sandbox->decide($this->number('CHEAP-1'), 'approve');

        self::assertSame(200, $this->post($this->claim('DEAR-1')), 'accepted; the gateway reports PENDING');
        $replayed = ['reference' => 'DEAR-1'] + $this->claim('CHEAP-1');
        // The gateway may have another order under the reference. It does not know this one.
        self::assertSame(503, $this->post(['code' => '0', 'reference' => 'DEAR-1', 'orderNumber' => 'x1']));
        self::assertSame(400, $this->post($replayed));
        self::assertSame('ACCEPTED', $this->state('DEAR-1'));
        self::assertNull($this->paidBy('DEAR'));
        self::assertSame(0, substr_count($this->fpm->log(), 'DEAR-1 is paid'));
    }

    public function testRepeatedCallbacksDeliverOnce(): void
    {
        $this->open();
        $this->order('INVOICE-5');
        $this->pay('INVOICE-5');
        $this->decide('INVOICE-5-1', 'approve');
        $number = $this->number('INVOICE-5-1');
        // One after the other, as a form, and several at the same time.
        $this->sandbox->deliver($number, ['times' => 3]);
        $this->sandbox->deliver($number, ['form' => true]);
        $this->sandbox->deliver($number);
        foreach ($this->sandbox->callbacks($number, 6) as $callback) {
            self::assertSame(200, $callback['reply_status'], $this->fpm->log());
            $this->bodies[] = (string) $callback['reply_body'];
        }
        self::assertSame(1, $this->deliveries());
    }

    public function testTheSweepFindsLostCallbacks(): void
    {
        $this->open();
        foreach (['PAID' => 'approve', 'FAILED' => 'decline', 'CANCELLED' => 'cancel'] as $state => $decision) {
            $this->order($state);
            $this->pay($state);
            $this->sandbox->decide($this->number("$state-1"), $decision);
        }
        $this->order('ACCEPTED');
        $this->pay('ACCEPTED');
        [$status, $output] = $this->sweep();
        self::assertSame(0, $status, $output);
        self::assertStringContainsString('4 entries, 3 changed, 0 to look at', $output);
        foreach (['PAID', 'FAILED', 'CANCELLED', 'ACCEPTED'] as $state) {
            self::assertSame($state, $this->state("$state-1"));
        }
        self::assertSame('PAID-1', $this->paidBy('PAID'));
        self::assertSame(1, substr_count($output, 'deliver the order'), $output);

        // Paid late: the sweep also asks about payments that failed.
        $this->sandbox->decide($this->number('FAILED-1'), 'approve');
        [$status, $output] = $this->sweep();
        self::assertSame(0, $status, $output);
        self::assertStringContainsString("FAILED-1 is PAID\n", $output);
        self::assertStringContainsString('2 entries, 0 changed', $this->sweep()[1]);
    }

    /** The process that should have delivered died between the verdict and the delivery. */
    public function testTheSweepDeliversWhatWasNotDelivered(): void
    {
        $this->open();
        $this->order('INVOICE-6');
        $this->pay('INVOICE-6');
        $this->sandbox->decide($this->number('INVOICE-6-1'), 'approve');
        (new Journal($this->client(), new PdoStore($this->database)))->settle('INVOICE-6-1');
        self::assertNull($this->paidBy('INVOICE-6'));
        foreach ([1, 0] as $deliveries) {
            [$status, $output] = $this->sweep();
            self::assertSame(0, $status, $output);
            self::assertSame($deliveries, substr_count($output, 'deliver the order'), $output);
            self::assertSame('INVOICE-6-1', $this->paidBy('INVOICE-6'));
        }
    }

    /** The same, and the customer loads the page again. */
    public function testThePagesDeliverWhatWasNotDelivered(): void
    {
        $this->open();
        foreach (['CARD' => 'pay', 'MOBILE' => 'payMobile'] as $order => $pay) {
            $this->order($order);
            $this->$pay($order);
            $this->sandbox->decide($this->number("$order-1"), 'approve');
            (new Journal($this->client(), new PdoStore($this->database)))->settle("$order-1");
            self::assertNull($this->paidBy($order));
        }
        self::assertSame(409, $this->pay('CARD'));
        self::assertStringContainsString('Votre paiement est confirmé', $this->mobilePage('MOBILE'));
        foreach (['CARD', 'MOBILE'] as $order) {
            self::assertSame("$order-1", $this->paidBy($order));
        }
        self::assertSame(2, $this->deliveries(2));
    }

    public function testTheSweepPrintsWhatAPersonMustLookAt(): void
    {
        $this->open();
        $this->order('INVOICE-6');
        $this->sandbox->inject(['on' => 'pay', 'action' => ['kind' => 'reset_after_reading']]);
        $this->pay('INVOICE-6');
        [$status, $output] = $this->sweep();
        self::assertSame(0, $status, $output);
        $this->backdate('INVOICE-6-1');
        [$status, $output] = $this->sweep();
        self::assertSame(1, $status);
        self::assertStringContainsString('INVOICE-6-1 is in doubt: look for it', $output);

        $this->settings['FLEXPAY_TOKEN'] = 'not-the-token';
        $this->order('INVOICE-7');
        $this->pay('INVOICE-7');
        [$status, $output] = $this->sweep();
        self::assertSame(1, $status);
        self::assertStringContainsString('Not all payments were asked about: UNAUTHORIZED: the gateway did not accept', $output);
        self::assertStringNotContainsString('not-the-token', $output);
    }

    // ---- Mobile money ---------------------------------------------------------------------------

    private const FORM = '<form method="post">';
    private const WAITING = 'Confirmez sur votre téléphone';
    private const FAILING = 'Paiement en cours de vérification';
    private const UNKNOWN = 'en cours de confirmation';
    private const NOT_TWICE = 'Ne payez pas une deuxième fois';
    private const RELOAD = '<meta http-equiv="refresh"';

    public function testAnOrderIsPaidByMobileMoney(): void
    {
        $this->open();
        $this->order('INVOICE-1', '57500', 'CDF');
        $page = $this->mobilePage('INVOICE-1');
        self::assertStringContainsString('57500 CDF', $page);
        self::assertStringContainsString(self::FORM, $page);
        self::assertSame([], $this->sandbox->requests());

        self::assertSame(303, $this->payMobile('INVOICE-1'));
        $payment = $this->sandbox->payments()[0];
        self::assertSame('mobile', $payment['kind']);
        self::assertSame('INVOICE-1-1', $payment['reference']);
        self::assertSame('243812345678', $payment['phone']);
        self::assertSame('MOBILE', $this->attempt('INVOICE-1-1')['kind']);
        self::assertSame($payment['order_number'], $this->number('INVOICE-1-1'));
        $page = $this->mobilePage('INVOICE-1');
        self::assertStringContainsString(self::WAITING, $page);
        self::assertStringContainsString(self::RELOAD, $page);
        self::assertStringNotContainsString(self::FORM, $page);

        self::assertSame(200, $this->answer('INVOICE-1-1', 'confirm'), $this->fpm->log());
        self::assertSame('PAID', $this->state('INVOICE-1-1'));
        self::assertSame('INVOICE-1-1', $this->paidBy('INVOICE-1'));
        self::assertSame(1, $this->deliveries());
        $page = $this->mobilePage('INVOICE-1');
        self::assertStringContainsString('Votre paiement est confirmé', $page);
        self::assertStringNotContainsString(self::RELOAD, $page);
        self::assertSame(200, $this->payMobile('INVOICE-1'), 'it cannot be paid again');
        self::assertSame(409, $this->pay('INVOICE-1'), 'nor by card');
        self::assertCount(1, $this->sandbox->payments());
    }

    /** @return iterable<string, array{string}> */
    public function mobileFailures(): iterable
    {
        yield 'refused, then paid' => ['refuse'];
        yield 'expired, then paid' => ['expire'];
    }

    /** @dataProvider mobileFailures */
    public function testPaidByMobileMoneyAtTheSecondAttempt(string $answer): void
    {
        $this->open();
        $this->order('INVOICE-2');
        $this->payMobile('INVOICE-2');
        self::assertSame(200, $this->answer('INVOICE-2-1', $answer));
        self::assertSame('FAILED', $this->state('INVOICE-2-1'));
        $page = $this->pageAfterAFailure('INVOICE-2');
        self::assertStringContainsString('n&#039;a pas abouti', $page);
        self::assertStringContainsString(self::FORM, $page);

        self::assertSame(303, $this->payMobile('INVOICE-2', '0997654321'), 'under a new reference');
        self::assertSame(200, $this->answer('INVOICE-2-2', 'confirm'));
        self::assertSame('INVOICE-2-2', $this->paidBy('INVOICE-2'));
        self::assertSame('FAILED', $this->state('INVOICE-2-1'));
        self::assertSame(1, $this->deliveries());
    }

    /** The waiting page of a first attempt that failed. It becomes the form when no phone can show the message. */
    private function pageAfterAFailure(string $order): string
    {
        $page = $this->mobilePage($order);
        self::assertStringContainsString(self::FAILING, $page);
        self::assertStringContainsString(self::NOT_TWICE, $page);
        self::assertStringContainsString(self::RELOAD, $page);
        self::assertStringNotContainsString(self::FORM, $page);
        $this->backdate("$order-1");

        return $this->mobilePage($order);
    }

    public function testConfirmedAndTheCallbackWasLost(): void
    {
        $this->open();
        $this->order('INVOICE-3');
        $this->payMobile('INVOICE-3');
        $this->sandbox->decide($this->number('INVOICE-3-1'), 'approve');
        self::assertStringContainsString('Votre paiement est confirmé', $this->mobilePage('INVOICE-3'));
        self::assertSame('INVOICE-3-1', $this->paidBy('INVOICE-3'));
        self::assertSame(1, $this->deliveries());
    }

    public function testExpiredAndTheCallbackWasLost(): void
    {
        $this->open();
        $this->order('INVOICE-3');
        $this->payMobile('INVOICE-3');
        $this->sandbox->decide($this->number('INVOICE-3-1'), 'expire');
        self::assertSame(200, $this->payMobile('INVOICE-3'), 'the form of an old page');
        self::assertStringContainsString(self::FAILING, end($this->bodies) ?: '');
        $this->pageAfterAFailure('INVOICE-3');
        self::assertCount(1, $this->sandbox->payments());
        self::assertSame('FAILED', $this->state('INVOICE-3-1'));
        self::assertSame(303, $this->payMobile('INVOICE-3'));
        self::assertSame('ACCEPTED', $this->state('INVOICE-3-2'));
    }

    /** The live gateway has been seen to say "failed" while the customer was still typing. */
    public function testConfirmedAfterTheGatewaySaidFailed(): void
    {
        $this->open();
        $this->order('INVOICE-3');
        $this->payMobile('INVOICE-3');
        $this->sandbox->decide($this->number('INVOICE-3-1'), 'decline');
        self::assertStringContainsString(self::FAILING, $this->mobilePage('INVOICE-3'));
        $this->sandbox->decide($this->number('INVOICE-3-1'), 'approve');
        self::assertStringContainsString('Votre paiement est confirmé', $this->mobilePage('INVOICE-3'));
        self::assertCount(1, $this->sandbox->payments());
        self::assertSame(1, $this->deliveries());
    }

    public function testPaidLateByTheFirstOfTwoAttempts(): void
    {
        $this->open();
        $this->order('INVOICE-4');
        $this->payMobile('INVOICE-4');
        $this->decide('INVOICE-4-1', 'decline');
        $this->pageAfterAFailure('INVOICE-4');
        $this->payMobile('INVOICE-4');
        self::assertSame(200, $this->decide('INVOICE-4-1', 'approve', 2));
        self::assertSame('INVOICE-4-1', $this->paidBy('INVOICE-4'));
        self::assertSame(200, $this->decide('INVOICE-4-2', 'approve'));
        self::assertSame('INVOICE-4-1', $this->paidBy('INVOICE-4'));
        self::assertSame(1, $this->deliveries(), 'the goods are delivered once');
        self::assertStringContainsString('INVOICE-4-2 is paid, but its order was already paid', $this->fpm->log());
    }

    /** @return iterable<string, array{array<string, mixed>}> */
    public function unknownOutcomes(): iterable
    {
        yield 'HTTP 502' => [['kind' => 'html', 'status' => 502, 'record' => true]];
        yield 'a reset' => [['kind' => 'reset_after_reading']];
    }

    /**
     * @dataProvider unknownOutcomes
     *
     * @param array<string, mixed> $action
     */
    public function testAMobilePaymentThatMayHaveArrivedIsNotSentAgain(array $action): void
    {
        $this->open();
        $this->order('INVOICE-5');
        $this->sandbox->inject(['on' => 'mobile', 'action' => $action]);
        self::assertSame(303, $this->payMobile('INVOICE-5'));
        self::assertSame('IN_DOUBT', $this->state('INVOICE-5-1'));
        $sent = count($this->sandbox->requests());
        $page = $this->mobilePage('INVOICE-5');
        self::assertStringContainsString(self::UNKNOWN, $page);
        self::assertStringContainsString(self::NOT_TWICE, $page);
        self::assertStringContainsString(self::RELOAD, $page);
        self::assertStringNotContainsString(self::FORM, $page);
        self::assertSame(200, $this->payMobile('INVOICE-5'), 'the form once more');
        self::assertStringContainsString(self::UNKNOWN, end($this->bodies) ?: '');
        self::assertSame(303, $this->pay('INVOICE-5'), 'pay.php leads to the same page');
        self::assertCount($sent, $this->sandbox->requests(), 'nothing more was sent');

        $this->backdate('INVOICE-5-1');
        [$status, $output] = $this->sweep();
        self::assertSame(1, $status);
        self::assertStringContainsString('INVOICE-5-1 is in doubt: look for it', $output);

        // It did arrive, and the customer confirms: the callback reports it.
        $number = $this->sandbox->payments()[0]['order_number'];
        $this->sandbox->decide($number, 'approve', true);
        self::assertSame(200, $this->sandbox->callbacks($number, 1)[0]['reply_status'], $this->fpm->log());
        self::assertSame($number, $this->number('INVOICE-5-1'));
        self::assertStringContainsString('Votre paiement est confirmé', $this->mobilePage('INVOICE-5'));
        self::assertSame(1, $this->deliveries());
    }

    public function testTheCheckOfAWaitingPageFails(): void
    {
        $this->open();
        $this->order('INVOICE-6');
        $this->payMobile('INVOICE-6');
        $this->sandbox->decide($this->number('INVOICE-6-1'), 'approve');
        $this->sandbox->inject(['on' => 'check', 'times' => null, 'action' => ['kind' => 'reset_after_reading']]);
        self::assertStringContainsString(self::WAITING, $this->mobilePage('INVOICE-6'));
        $this->sandbox->clearFaults();
        self::assertStringContainsString('Votre paiement est confirmé', $this->mobilePage('INVOICE-6'));
    }

    public function testRepeatedCallbacksOfAMobilePaymentDeliverOnce(): void
    {
        $this->open(['FLEXPAY_CALLBACK_SECRET' => 'un secret de la boutique']);
        $this->order('INVOICE-7');
        $this->payMobile('INVOICE-7');
        $number = $this->number('INVOICE-7-1');
        $this->sandbox->decide($number, 'approve');
        $sent = count($this->sandbox->requests());
        self::assertSame(400, $this->post($this->claim('INVOICE-7-1')), 'without a signature');
        self::assertCount($sent, $this->sandbox->requests(), 'refused without a check');
        $this->sandbox->deliver($number, ['times' => 2]);
        $this->sandbox->deliver($number, ['form' => true]);
        foreach ($this->sandbox->callbacks($number, 3) as $callback) {
            self::assertSame(200, $callback['reply_status'], $this->fpm->log());
        }
        self::assertSame('INVOICE-7-1', $this->paidBy('INVOICE-7'));
        self::assertSame(1, $this->deliveries());
    }

    public function testACardPaymentDoesNotPayAMobileAttempt(): void
    {
        $this->open();
        $this->order('INVOICE-8');
        $this->order('CARD-8');
        $this->payMobile('INVOICE-8');
        $this->pay('CARD-8');
        $card = $this->number('CARD-8-1');
        $this->sandbox->decide($card, 'approve');
        // Both attempts have the same amount; only the reference and the kind differ.
        self::assertSame(400, $this->post(['code' => '0', 'reference' => 'INVOICE-8-1', 'orderNumber' => $card]));
        self::assertSame('ACCEPTED', $this->state('INVOICE-8-1'));
        self::assertNull($this->paidBy('INVOICE-8'));
    }

    public function testOneOpenAttemptByCardOrByMobileMoney(): void
    {
        $this->open();
        $this->order('INVOICE-9');
        self::assertSame(303, $this->pay('INVOICE-9'));
        self::assertSame(200, $this->payMobile('INVOICE-9'));
        $page = end($this->bodies) ?: '';
        self::assertStringContainsString((string) $this->attempt('INVOICE-9-1')['redirect_url'], $page);
        self::assertStringNotContainsString(self::FORM, $page);
        self::assertCount(1, $this->sandbox->payments());

        self::assertSame(200, $this->decide('INVOICE-9-1', 'cancel'));
        self::assertSame(303, $this->payMobile('INVOICE-9'));
        self::assertSame(303, $this->pay('INVOICE-9'), 'to the page for mobile money');
        self::assertCount(2, $this->sandbox->payments());
        self::assertSame(200, $this->decide('INVOICE-9-2', 'approve'));
        self::assertSame('INVOICE-9-2', $this->paidBy('INVOICE-9'));
    }

    /** The shop changes an order while its payment is open. */
    public function testAnOpenPaymentKeepsItsAmount(): void
    {
        $this->open();
        $this->order('INVOICE-9');
        self::assertSame(303, $this->pay('INVOICE-9'));
        $this->database->exec("UPDATE orders SET amount = '30'");
        self::assertSame(303, $this->pay('INVOICE-9'), 'back to the same card page');
        self::assertSame('25.50', $this->attempt('INVOICE-9-1')['amount']);
        self::assertCount(1, $this->sandbox->payments());
        $this->decide('INVOICE-9-1', 'cancel');
        self::assertSame(303, $this->pay('INVOICE-9'));
        self::assertSame('30', $this->attempt('INVOICE-9-2')['amount']);
    }

    /** @return iterable<string, array{string, string, int}> */
    public function pages(): iterable
    {
        yield 'by card' => ['pay.php', 'order=INVOICE-9', 409];
        yield 'by phone' => ['mobile.php?order=INVOICE-9', 'phone=0812345678', 303];
    }

    /**
     * Another request with another amount comes first, after the page has read the journal, and before it writes.
     *
     * @dataProvider pages
     */
    public function testAnotherRequestComesFirst(string $page, string $form, int $status): void
    {
        $this->open();
        $this->order('OTHER', '30');
        $this->pay('OTHER');
        $this->order('INVOICE-9');
        $entry = ['reference' => 'INVOICE-9-1'] + $this->attempt('OTHER-1');
        // Others read, and wait to write.
        $this->database->exec('BEGIN IMMEDIATE');
        $click = stream_socket_client((string) preg_replace('~^http(://[^/]*).*~', 'tcp$1', $this->fpm->url('')));
        self::assertIsResource($click);
        fwrite($click, "POST /$page HTTP/1.0\r\nHost: shop\r\nContent-Type: application/x-www-form-urlencoded\r\n"
            . 'Content-Length: ' . strlen($form) . "\r\n\r\n$form");
        usleep(2000000);
        $this->database->prepare('INSERT INTO flexpay_journal SELECT ?, version, state, is_open, to_deliver,'
            . " order_number, lease_until, created_at, changed_at, ? FROM flexpay_journal WHERE reference = 'OTHER-1'")
            ->execute(['INVOICE-9-1', json_encode($entry)]);
        $this->database->exec('COMMIT');
        $response = (string) stream_get_contents($click);
        self::assertStringContainsString(" $status ", $response);
        self::assertStringNotContainsString('another payment method', $response);
        self::assertStringNotContainsString('indisponible', $response);
        if ($status === 409) {
            self::assertStringContainsString('is in progress', $response);
        }
        self::assertMatchesRegularExpression('/INVOICE-9-1: NOT_SENT: (amount|kind)/', $this->fpm->log());
        self::assertCount(1, $this->sandbox->payments());
    }

    /** The database fails for one payment. The others are delivered, and this one by the next sweep. */
    public function testTheSweepDeliversTheOthers(): void
    {
        $this->open();
        $journal = new Journal($this->client(), new PdoStore($this->database));
        foreach (['A', 'B', 'C'] as $order) {
            $this->order($order);
            $this->pay($order);
            $this->sandbox->decide($this->number("$order-1"), 'approve');
            self::assertTrue($journal->settle("$order-1")->isToDeliver());
        }
        $this->database->exec('CREATE TRIGGER no_journal BEFORE UPDATE ON flexpay_journal'
            . " WHEN OLD.reference = 'A-1' BEGIN SELECT RAISE(ABORT, 'the disk is full'); END");
        $this->database->exec('CREATE TRIGGER no_order BEFORE UPDATE ON orders'
            . " WHEN OLD.id = 'B' BEGIN SELECT RAISE(ABORT, 'the disk is full'); END");
        [$status, $output] = $this->sweep();
        self::assertSame(1, $status, $output);
        foreach (['A-1', 'B-1'] as $reference) {
            self::assertStringContainsString("$reference cannot be delivered now: ", $output);
        }
        self::assertSame([null, null, 'C-1'], array_map([$this, 'paidBy'], ['A', 'B', 'C']));
        self::assertTrue($journal->get('B-1')->isToDeliver(), 'rolled back');
        $this->database->exec('DROP TRIGGER no_journal');
        $this->database->exec('DROP TRIGGER no_order');
        [$status, $output] = $this->sweep();
        self::assertSame(0, $status, $output);
        self::assertSame(['A-1', 'B-1', 'C-1'], array_map([$this, 'paidBy'], ['A', 'B', 'C']));
    }

    /** The shop's settings must have no second journal. */
    public function testTheJournalOfAFileIsRefused(): void
    {
        $this->open();
        $this->order('INVOICE-9');
        $this->fpm->stop();
        $this->settings['FLEXPAY_JOURNAL'] = $this->directory->path . '/journal.db';
        $this->fpm->setEnvironment('FLEXPAY_JOURNAL', $this->settings['FLEXPAY_JOURNAL']);
        $this->fpm->start();
        self::assertSame(503, $this->pay('INVOICE-9'));
        self::assertSame(503, $this->payMobile('INVOICE-9'));
        self::assertSame([], $this->sandbox->requests());
        [$status, $output] = $this->sweep();
        self::assertSame(1, $status);
        self::assertStringContainsString('set no journal for the client', $output);
    }

    public function testTheSweepFindsLostCallbacksOfBothKinds(): void
    {
        $this->open();
        foreach (['CARD' => 'pay', 'MOBILE' => 'payMobile'] as $order => $pay) {
            $this->order($order);
            $this->$pay($order);
            self::assertSame($order, $this->attempt("$order-1")['kind']);
            $this->sandbox->decide($this->number("$order-1"), 'approve');
        }
        $this->order('EXPIRED');
        $this->payMobile('EXPIRED');
        $this->sandbox->decide($this->number('EXPIRED-1'), 'expire');
        [$status, $output] = $this->sweep();
        self::assertSame(0, $status, $output);
        self::assertStringContainsString('3 entries, 3 changed, 0 to look at', $output);
        self::assertSame('CARD-1', $this->paidBy('CARD'));
        self::assertSame('MOBILE-1', $this->paidBy('MOBILE'));
        self::assertSame('FAILED', $this->state('EXPIRED-1'));
    }

    public function testAWrongPhoneNumberSendsNothing(): void
    {
        $this->open();
        $this->order('INVOICE-10');
        foreach (['', '081234567', '+33 6 12 34 56 78', '"><script>alert(1)</script>', "\xff"] as $phone) {
            self::assertSame(422, $this->payMobile('INVOICE-10', $phone));
            $page = end($this->bodies) ?: '';
            self::assertStringContainsString('Ce numéro n&#039;est pas valable', $page);
            self::assertStringContainsString(self::FORM, $page);
            self::assertStringNotContainsString('<script', $page);
        }
        self::assertNull($this->state('INVOICE-10-1'));
        self::assertSame(404, $this->payMobile('UNKNOWN'));
        self::assertSame(404, $this->fpm->get('mobile.php?order[]=x')[0]);
        self::assertSame([], $this->sandbox->requests());
    }

    public function testTheGatewayRefusesAMobilePayment(): void
    {
        $this->open();
        $this->order('INVOICE-11');
        self::assertSame(502, $this->payMobile('INVOICE-11', '0810000003'), 'no money');
        $page = end($this->bodies) ?: '';
        self::assertStringContainsString('Rien n&#039;a été débité', $page);
        self::assertStringContainsString(self::FORM, $page);
        self::assertSame('REFUSED', $this->state('INVOICE-11-1'));
        self::assertSame(303, $this->payMobile('INVOICE-11'), 'with another phone');
        self::assertSame('ACCEPTED', $this->state('INVOICE-11-1'));
        self::assertSame('243812345678', $this->attempt('INVOICE-11-1')['phone']);
    }

    public function testAMobilePaymentThatWasNotSentMayBeRepeated(): void
    {
        $this->open(['FLEXPAY_MOBILE_URL' => 'http://127.0.0.1:' . Http::freePort() . '/']);
        $this->order('INVOICE-12');
        foreach ([1, 2] as $attempt) {
            self::assertSame(503, $this->payMobile('INVOICE-12'));
            self::assertStringContainsString('Réessayez', end($this->bodies) ?: '');
            self::assertSame('NOT_SENT', $this->state('INVOICE-12-1'));
            self::assertSame($attempt, $this->attempt('INVOICE-12-1')['attempt']);
        }
        self::assertNull($this->state('INVOICE-12-2'));
    }

    /**
     * @dataProvider broken
     *
     * @param array<string, string> $settings
     */
    public function testWrongSettingsDoNotInviteAMobileRetry(array $settings): void
    {
        $this->open($settings);
        $this->order('INVOICE-8');
        self::assertSame(503, $this->payMobile('INVOICE-8'));
        $this->assertMobileMoneyIsUnavailable();
    }

    public function testAMissingLibraryDoesNotInviteAMobileRetry(): void
    {
        $this->open();
        $this->fpm->stop();
        $this->fpm = new Fpm(self::EXAMPLES, self::NOTHING_ALLOWED, $this->settings);
        $this->fpm->start();
        $this->order('INVOICE-8');
        self::assertSame(503, $this->payMobile('INVOICE-8'));
        $this->assertMobileMoneyIsUnavailable();
        self::assertSame(503, $this->fpm->get('mobile.php?order=INVOICE-8')[0], 'it offers no form');
    }

    private function assertMobileMoneyIsUnavailable(): void
    {
        $page = end($this->bodies) ?: '';
        self::assertStringContainsString("Rien n'a été débité", $page);
        self::assertStringNotContainsString(self::FORM, $page);
        self::assertSame([], $this->sandbox->payments());
    }

    public function testSeveralClicksMakeOneMobilePayment(): void
    {
        $this->open();
        $this->order('INVOICE-8');
        $this->sandbox->inject(['on' => 'mobile', 'times' => null, 'action' => ['kind' => 'delay', 'ms' => 300]]);
        $clicks = [];
        for ($n = 0; $n < 4; $n++) {
            $click = stream_socket_client((string) preg_replace('~^http(://[^/]*).*~', 'tcp$1', $this->fpm->url('')));
            self::assertIsResource($click);
            fwrite($click, "POST /mobile.php?order=INVOICE-8 HTTP/1.0\r\nHost: shop\r\n"
                . "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 16\r\n\r\nphone=0812345678");
            $clicks[] = $click;
        }
        foreach ($clicks as $click) {
            $response = (string) stream_get_contents($click);
            self::assertMatchesRegularExpression('~^HTTP/1.1 (303|200) ~', $response);
            self::assertStringNotContainsString(self::FORM, $response);
        }
        self::assertCount(1, $this->sandbox->payments());
        self::assertStringContainsString(self::WAITING, $this->mobilePage('INVOICE-8'));
    }

    // ---- Errors ---------------------------------------------------------------------------------

    public function testSeveralClicksMakeOnePayment(): void
    {
        $this->open();
        $this->order('INVOICE-8');
        $this->sandbox->inject(['on' => 'pay', 'times' => null, 'action' => ['kind' => 'delay', 'ms' => 300]]);
        $clicks = [];
        for ($n = 0; $n < 4; $n++) {
            $click = stream_socket_client((string) preg_replace('~^http(://[^/]*).*~', 'tcp$1', $this->fpm->url('')));
            self::assertIsResource($click);
            fwrite($click, "POST /pay.php HTTP/1.0\r\nHost: shop\r\nContent-Type: application/x-www-form-urlencoded\r\n"
                . "Content-Length: 15\r\n\r\norder=INVOICE-8");
            $clicks[] = $click;
        }
        $redirects = 0;
        foreach ($clicks as $click) {
            $redirects += preg_match('~^HTTP/1.1 303 ~', (string) stream_get_contents($click));
        }
        self::assertGreaterThanOrEqual(1, $redirects);
        self::assertCount(1, $this->sandbox->payments());
        self::assertSame(303, $this->pay('INVOICE-8'), 'a reload redirects to the same card page');
        self::assertCount(1, $this->sandbox->payments());
    }

    public function testTheRedirectUrlIsTheGateways(): void
    {
        $this->open();
        $this->order('INVOICE-9', '1500', 'CDF');
        foreach (['the first time', 'after a reload'] as $when) {
            $context = stream_context_create(['http' => [
                'method' => 'POST',
                'header' => 'Content-Type: application/x-www-form-urlencoded',
                'content' => 'order=INVOICE-9',
                'follow_location' => 0,
            ]]);
            file_get_contents($this->fpm->url('pay.php'), false, $context);
            $checkout = $this->sandbox->payments()[0]['checkout_url'];
            self::assertContains("Location: $checkout", $http_response_header, $when);
        }
    }

    public function testInvalidRequestsAreRefused(): void
    {
        $this->open();
        foreach (['', 'x', '{', '<html>', "\0", str_repeat('a', 100000)] as $body) {
            self::assertSame(400, $this->post($body), $body);
        }
        self::assertSame(404, $this->post(['code' => '0', 'reference' => 'UNKNOWN', 'orderNumber' => '1']));
        self::assertSame(405, $this->fpm->get('callback.php')[0]);
        self::assertSame(404, $this->pay('UNKNOWN'));
        self::assertSame([], $this->sandbox->requests());
    }

    public function testTheCheckFails(): void
    {
        $this->open();
        $this->order('INVOICE-3');
        $this->pay('INVOICE-3');
        $this->sandbox->decide($this->number('INVOICE-3-1'), 'approve');
        $this->sandbox->inject(['on' => 'check', 'times' => null, 'action' => ['kind' => 'reset_after_reading']]);
        self::assertSame(503, $this->post($this->claim('INVOICE-3-1')));
        self::assertSame('ACCEPTED', $this->state('INVOICE-3-1'));
        self::assertSame(303, $this->pay('INVOICE-3'), 'back to the same card page');

        $this->sandbox->clearFaults();
        self::assertSame(200, $this->post($this->claim('INVOICE-3-1')));
        self::assertSame('PAID', $this->state('INVOICE-3-1'));
        self::assertCount(1, $this->sandbox->payments());
    }

    public function testAPaymentThatMayHaveArrivedIsNotSentAgain(): void
    {
        $this->open();
        $this->order('INVOICE-4');
        $this->sandbox->inject(['on' => 'pay', 'action' => ['kind' => 'reset_after_reading']]);
        self::assertSame(503, $this->pay('INVOICE-4'));
        self::assertStringContainsString('do not pay again', end($this->bodies) ?: '');
        $sent = count($this->sandbox->requests());
        self::assertSame(503, $this->pay('INVOICE-4'), 'a reload');
        self::assertStringContainsString('do not pay again', end($this->bodies) ?: '');
        self::assertCount($sent, $this->sandbox->requests(), 'nothing more was sent');
        self::assertSame('IN_DOUBT', $this->state('INVOICE-4-1'));

        // It did arrive, and the customer pays: the callback reports it.
        $number = $this->sandbox->payments()[0]['order_number'];
        $this->sandbox->decide($number, 'approve', true);
        self::assertSame(200, $this->sandbox->callbacks($number, 1)[0]['reply_status'], $this->fpm->log());
        self::assertSame('INVOICE-4-1', $this->paidBy('INVOICE-4'));
        self::assertSame($number, $this->number('INVOICE-4-1'));
    }

    public function testARequestThatWasNotSentMayBeRepeated(): void
    {
        $this->open(['FLEXPAY_PAY_URL' => 'http://127.0.0.1:' . Http::freePort() . '/']);
        $this->order('INVOICE-6');
        self::assertSame(503, $this->pay('INVOICE-6'));
        self::assertStringContainsString('try again', end($this->bodies) ?: '');
        self::assertSame('NOT_SENT', $this->state('INVOICE-6-1'));
        self::assertSame(503, $this->pay('INVOICE-6'));
        self::assertStringContainsString('try again', end($this->bodies) ?: '');
        self::assertSame(2, $this->attempt('INVOICE-6-1')['attempt']);
        self::assertNull($this->state('INVOICE-6-2'));
    }

    public function testTheGatewayRefuses(): void
    {
        $this->open(['FLEXPAY_TOKEN' => 'not-the-token']);
        $this->order('INVOICE-7');
        self::assertSame(502, $this->pay('INVOICE-7'));
        self::assertStringContainsString('refused the payment', end($this->bodies) ?: '');
        self::assertSame('REFUSED', $this->state('INVOICE-7-1'));
    }

    /** @return iterable<string, array{array<string, string>}> */
    public function broken(): iterable
    {
        yield 'a setting is missing' => [['FLEXPAY_MERCHANT' => ' ']];
        yield 'a setting is wrong' => [['FLEXPAY_API' => 'v9']];
    }

    /**
     * @param array<string, string> $settings
     *
     * @dataProvider broken
     */
    public function testWrongSettingsDoNotInviteARetry(array $settings): void
    {
        $this->open($settings);
        $this->order('INVOICE-8');
        self::assertSame(503, $this->pay('INVOICE-8'));
        $this->assertNothingWasCharged();
    }

    public function testAMissingLibraryDoesNotInviteARetry(): void
    {
        $this->open();
        $this->fpm->stop();
        // As after a PHP update that lost its settings.
        $this->fpm = new Fpm(self::EXAMPLES, self::NOTHING_ALLOWED, $this->settings);
        $this->fpm->start();
        $this->order('INVOICE-8');
        self::assertSame(503, $this->pay('INVOICE-8'));
        $this->assertNothingWasCharged();
        self::assertStringContainsString('UNUSABLE: FlexPay needs FFI or its own program', $this->fpm->log());
        self::assertSame(503, $this->post(['code' => '0', 'reference' => 'INVOICE-8-1', 'orderNumber' => '1']));
    }

    private function assertNothingWasCharged(): void
    {
        $body = end($this->bodies) ?: '';
        self::assertStringContainsString('Nothing was charged', $body);
        self::assertStringNotContainsString('try again', $body);
        self::assertSame([], $this->sandbox->payments());
    }

    public function testAnAttemptWithoutAnOrderNumberIsPaidOnce(): void
    {
        $this->open(['FLEXPAY_API' => 'v1', 'FLEXPAY_PAY_URL' => $this->sandbox->url() . '/v1/pay']);
        $this->order('INVOICE-8');
        self::assertSame(303, $this->pay('INVOICE-8'));
        self::assertNull($this->attempt('INVOICE-8-1')['order_number']);
        $this->pay('INVOICE-8');
        self::assertCount(1, $this->sandbox->payments());
        $number = $this->sandbox->payments()[0]['order_number'];
        $this->sandbox->decide($number, 'approve', true);
        self::assertSame(200, $this->sandbox->callbacks($number, 1)[0]['reply_status'], $this->fpm->log());
        self::assertSame('INVOICE-8-1', $this->paidBy('INVOICE-8'));
    }

    public function testSignedCallbackUrls(): void
    {
        $this->open(['FLEXPAY_CALLBACK_SECRET' => 'un secret de la boutique']);
        $this->order('INVOICE-5');
        $this->pay('INVOICE-5');
        $number = $this->number('INVOICE-5-1');
        $this->sandbox->decide($number, 'approve');
        $sent = count($this->sandbox->requests());
        self::assertSame(400, $this->post($this->claim('INVOICE-5-1')));
        self::assertCount($sent, $this->sandbox->requests(), 'refused without a check');

        $this->sandbox->deliver($number);
        self::assertSame(200, $this->sandbox->callbacks($number, 1)[0]['reply_status'], $this->fpm->log());
        self::assertSame('PAID', $this->state('INVOICE-5-1'));
    }

    /** Runs the commands in the comment at the top of pay.php. */
    public function testTheCommandsInPayPhpWork(): void
    {
        $this->open();
        $text = (string) file_get_contents(self::EXAMPLES . '/pay.php');
        self::assertSame(1, preg_match('~^ \*     sqlite3 /tmp/shop.sqlite "(INSERT .*)"$~m', $text, $insert));
        $this->database->exec($insert[1]);
        self::assertSame(1, preg_match('~^ \*     (SHOP_URL=.*) \\\\\n \*\s+(php -d .*)$~m', $text, $server));
        self::assertSame(1, preg_match('~^ \*     curl -i -d (\S+) http://127.0.0.1:8080/(\S+)$~m', $text, $curl));
        $port = Http::freePort();
        $command = str_replace(
            [':8080', '/tmp/shop.sqlite', 'php -d'],
            [":$port", $this->file, 'exec ' . PHP_BINARY . ' -d'],
            "$server[1] $server[2]"
        );
        $root = (string) realpath(self::EXAMPLES . '/../..');
        $process = new Process(
            ['sh', '-c', 'cd ' . escapeshellarg($root) . " && $command"],
            $this->sandbox->environment() + getenv(),
            $this->directory->path . '/server.log'
        );
        $process->waitUntil(static function () use ($port): bool {
            return Http::isListening("tcp://127.0.0.1:$port");
        }, "PHP's built-in server");
        $form = 'application/x-www-form-urlencoded';
        [$status, $body] = Http::send('POST', "http://127.0.0.1:$port/$curl[2]", $curl[1], $form);
        $process->stop();
        self::assertSame(303, $status, $body . $process->log());
    }
}
