<?php

declare(strict_types=1);

namespace FlexPay\Tests;

use FlexPay\Tests\Support\Folder;
use FlexPay\Tests\Support\Fpm;
use FlexPay\Tests\Support\Http;
use FlexPay\Tests\Support\SandboxTestCase;

/** The examples, served by PHP-FPM and nginx; the gateway posts its callbacks to them. */
final class ExamplesTest extends SandboxTestCase
{
    private const EXAMPLES = __DIR__ . '/../../../../examples/php';

    private Folder $folder;
    private \PDO $database;
    private Fpm $fpm;

    /** @var list<string> everything a stranger was told */
    private array $told = [];

    /** @param array<string, string> $settings */
    private function open(array $settings = []): void
    {
        $this->folder = new Folder();
        $file = $this->folder->path . '/shop.sqlite';
        $this->database = new \PDO("sqlite:$file", null, null, [\PDO::ATTR_ERRMODE => \PDO::ERRMODE_EXCEPTION]);
        $this->database->exec((string) file_get_contents(self::EXAMPLES . '/schema.sql'));
        chmod($this->folder->path, 0777);
        chmod($file, 0666);
        $this->fpm = new Fpm(
            self::EXAMPLES,
            ['ffi.enable' => 'preload', 'opcache.preload' => __DIR__ . '/../../preload.php', 'display_errors' => '1'],
            $settings + ['SHOP_DATABASE' => $file] + $this->sandbox->environment()
        );
        $this->fpm->setEnvironment('SHOP_URL', rtrim($this->fpm->url(''), '/'));
        $this->fpm->start();
    }

    protected function tearDown(): void
    {
        foreach ($this->told as $words) {
            self::assertStringNotContainsString($this->sandbox->token(), $words);
            self::assertStringNotContainsString('FlexPay\\', $words);
            self::assertStringNotContainsString('.php', $words);
        }
        self::assertStringNotContainsString($this->sandbox->token(), $this->fpm->log());
        $this->fpm->stop();
    }

    private function order(string $reference, string $amount, string $currency = 'USD'): void
    {
        $this->database->prepare('INSERT INTO orders (reference, amount, currency) VALUES (?, ?, ?)')
            ->execute([$reference, $amount, $currency]);
    }

    /** @return array<string, string|null> */
    private function row(string $reference): array
    {
        $find = $this->database->prepare('SELECT * FROM orders WHERE reference = ?');
        $find->execute([$reference]);

        return $find->fetch(\PDO::FETCH_ASSOC);
    }

    private function pay(string $reference): int
    {
        [$status, $words] = Http::send(
            'POST',
            $this->fpm->url('pay.php'),
            "reference=$reference",
            'application/x-www-form-urlencoded'
        );
        $this->told[] = $words;

        return $status;
    }

    /** @param array<string, string>|string $notice */
    private function post($notice, string $query = ''): int
    {
        $body = is_array($notice) ? (string) json_encode($notice) : $notice;
        [$status, $words] = Http::send('POST', $this->fpm->url('callback.php') . $query, $body);
        $this->told[] = $words;

        return $status;
    }

    /** @return array<string, string> a notice that claims that an order is paid */
    private function claim(string $reference): array
    {
        $number = (string) $this->row($reference)['order_number'];

        return ['code' => '0', 'reference' => $reference, 'orderNumber' => $number];
    }

    private function timesPaid(string $reference): int
    {
        return substr_count($this->fpm->log(), "NOTICE: PHP message: flexpay: $reference is paid");
    }

    public function testAnOrderIsPaidOnce(): void
    {
        $this->open();
        $this->order('INVOICE-1', '25.50');
        self::assertSame(303, $this->pay('INVOICE-1'));
        $number = (string) $this->row('INVOICE-1')['order_number'];
        self::assertSame($number, $this->sandbox->payments()[0]['order_number']);

        $this->sandbox->decide($number, 'approve', true);
        $callback = $this->sandbox->callbacks($number, 1)[0];
        self::assertSame(200, $callback['reply_status'], $this->fpm->log());
        self::assertSame('paid', $this->row('INVOICE-1')['state']);
        self::assertNotNull($this->row('INVOICE-1')['paid_at']);

        $this->sandbox->deliver($number, ['times' => 3]);
        $this->sandbox->deliver($number, ['form' => true]);
        $this->sandbox->deliver($number);
        foreach ($this->sandbox->callbacks($number, 6) as $callback) {
            self::assertSame(200, $callback['reply_status'], $this->fpm->log());
            $this->told[] = (string) $callback['reply_body'];
        }
        self::assertSame(1, $this->timesPaid('INVOICE-1'));
        self::assertSame(409, $this->pay('INVOICE-1'), 'it cannot be paid again');
    }

    public function testTheRedirectIsThatOfTheGateway(): void
    {
        $this->open();
        $this->order('INVOICE-2', '1500', 'CDF');
        $context = stream_context_create(['http' => [
            'method' => 'POST',
            'header' => 'Content-Type: application/x-www-form-urlencoded',
            'content' => 'reference=INVOICE-2',
            'follow_location' => 0,
        ]]);
        file_get_contents($this->fpm->url('pay.php'), false, $context);
        $checkout = $this->sandbox->payments()[0]['checkout_url'];
        self::assertContains("Location: $checkout", $http_response_header);
    }

    public function testAClaimIsNotBelieved(): void
    {
        $this->open();
        $this->order('DEAR', '900');
        $this->order('CHEAP', '1');
        $this->pay('DEAR');
        $this->pay('CHEAP');
        $this->sandbox->decide((string) $this->row('CHEAP')['order_number'], 'approve');

        self::assertSame(200, $this->post($this->claim('DEAR')), 'heard; the gateway says pending');
        self::assertSame('asked', $this->row('DEAR')['state']);
        $replayed = ['reference' => 'DEAR'] + $this->claim('CHEAP');
        self::assertSame(400, $this->post($replayed));
        self::assertSame('asked', $this->row('DEAR')['state']);
        self::assertSame(0, $this->timesPaid('DEAR'));
    }

    public function testWhatIsNoNotice(): void
    {
        $this->open();
        foreach (['', 'x', '{', '<html>', "\0", str_repeat('a', 100000)] as $body) {
            self::assertSame(400, $this->post($body), $body);
        }
        self::assertSame(404, $this->post(['code' => '0', 'reference' => 'NOBODYS', 'orderNumber' => '1']));
        self::assertSame(405, $this->fpm->get('callback.php')[0]);
        self::assertSame(404, $this->pay('NOBODYS'));
        self::assertSame([], $this->sandbox->requests());
    }

    public function testTheGatewayCannotBeAsked(): void
    {
        $this->open();
        $this->order('INVOICE-3', '25.50');
        $this->pay('INVOICE-3');
        $this->sandbox->decide((string) $this->row('INVOICE-3')['order_number'], 'approve');
        $this->sandbox->inject(['on' => 'check', 'times' => null, 'action' => ['kind' => 'reset_after_reading']]);
        self::assertSame(503, $this->post($this->claim('INVOICE-3')));
        self::assertSame('asked', $this->row('INVOICE-3')['state']);

        $this->sandbox->clearFaults();
        self::assertSame(200, $this->post($this->claim('INVOICE-3')));
        self::assertSame('paid', $this->row('INVOICE-3')['state']);
    }

    public function testAPaymentThatMayHaveArrivedIsNotAskedForAgain(): void
    {
        $this->open();
        $this->order('INVOICE-4', '25.50');
        $this->sandbox->inject(['on' => 'pay', 'action' => ['kind' => 'reset_after_reading']]);
        self::assertSame(503, $this->pay('INVOICE-4'));
        self::assertStringContainsString('do not pay again', end($this->told) ?: '');
        $sent = count($this->sandbox->requests());
        self::assertSame(409, $this->pay('INVOICE-4'), 'a reload');
        self::assertCount($sent, $this->sandbox->requests(), 'nothing more was sent');
        self::assertSame('asked', $this->row('INVOICE-4')['state']);
    }

    public function testWhatWasNotSentMayBeSentAgain(): void
    {
        $this->open(['FLEXPAY_PAY_URL' => 'http://127.0.0.1:' . Http::freePort() . '/']);
        $this->order('INVOICE-6', '25.50');
        self::assertSame(503, $this->pay('INVOICE-6'));
        self::assertStringContainsString('try again', end($this->told) ?: '');
        self::assertSame('new', $this->row('INVOICE-6')['state']);
    }

    public function testWhatTheGatewayRefused(): void
    {
        $this->open(['FLEXPAY_TOKEN' => 'not-the-token']);
        $this->order('INVOICE-7', '25.50');
        self::assertSame(502, $this->pay('INVOICE-7'));
        self::assertStringContainsString('said no', end($this->told) ?: '');
        self::assertSame('refused', $this->row('INVOICE-7')['state']);
    }

    public function testAnOrderWithoutANumberIsPaidOnceToo(): void
    {
        $this->open(['FLEXPAY_API' => 'v1', 'FLEXPAY_PAY_URL' => $this->sandbox->url() . '/v1/pay']);
        $this->order('INVOICE-8', '25.50');
        self::assertSame(303, $this->pay('INVOICE-8'));
        self::assertNull($this->row('INVOICE-8')['order_number']);
        self::assertSame(409, $this->pay('INVOICE-8'));
        self::assertCount(1, $this->sandbox->payments());
    }

    public function testALateNoticeDoesNotUnshipAnOrder(): void
    {
        $this->open();
        $this->order('INVOICE-9', '25.50');
        $this->pay('INVOICE-9');
        $this->sandbox->decide((string) $this->row('INVOICE-9')['order_number'], 'approve');
        $this->database->exec("UPDATE orders SET state = 'shipped'");
        self::assertSame(200, $this->post($this->claim('INVOICE-9')));
        self::assertSame('shipped', $this->row('INVOICE-9')['state']);
        self::assertSame(0, $this->timesPaid('INVOICE-9'));
    }

    public function testSignedAddresses(): void
    {
        $this->open(['FLEXPAY_CALLBACK_SECRET' => 'un secret de la boutique']);
        $this->order('INVOICE-5', '25.50');
        $this->pay('INVOICE-5');
        $number = (string) $this->row('INVOICE-5')['order_number'];
        $this->sandbox->decide($number, 'approve');
        $asked = count($this->sandbox->requests());
        self::assertSame(400, $this->post($this->claim('INVOICE-5')));
        self::assertCount($asked, $this->sandbox->requests(), 'refused without asking');

        $this->sandbox->deliver($number);
        self::assertSame(200, $this->sandbox->callbacks($number, 1)[0]['reply_status'], $this->fpm->log());
        self::assertSame('paid', $this->row('INVOICE-5')['state']);
    }
}
