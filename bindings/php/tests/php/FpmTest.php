<?php

declare(strict_types=1);

namespace FlexPay\Tests;

use FlexPay\Tests\Support\Fpm;
use FlexPay\Tests\Support\Relay;
use FlexPay\Tests\Support\SandboxTestCase;
use FlexPay\Tests\Support\TemporaryDirectory;

/** The package in PHP-FPM behind nginx, as shops use it. */
final class FpmTest extends SandboxTestCase
{
    private const PRELOAD = __DIR__ . '/../../preload.php';

    /** @param array<string, string> $ini */
    private function fpm(array $ini, bool $rootMaster = false): Fpm
    {
        return new Fpm(__DIR__ . '/../pages', $ini, $this->sandbox->environment(), $rootMaster);
    }

    /** @return array<string, mixed> the page's output, the same for several requests to several workers */
    private function shop(Fpm $fpm): array
    {
        $fpm->start();
        [$status, $body] = $fpm->get('shop.php');
        self::assertSame(200, $status, $body . $fpm->log());
        $first = json_decode($body, true);

        $workers = [];
        $responses = array_merge($fpm->getConcurrently('shop.php', 24), $fpm->getConcurrently('shop.php', 24));
        foreach ($responses as $response) {
            [$head, $body] = explode("\r\n\r\n", $response, 2);
            self::assertStringContainsString(' 200 ', strtok($head, "\r\n"), $body);
            $next = json_decode($body, true);
            $workers[$next['worker']] = true;
            unset($next['worker'], $first['worker']);
            self::assertSame($first, $next);
        }
        self::assertGreaterThan(1, count($workers), 'several workers responded');
        self::assertCount(49, $this->sandbox->payments());
        self::assertSame('fpm-fcgi', $first['sapi']);
        self::assertSame('PENDING', $first['state']);
        self::assertSame('CALLBACK', $first['refused']);
        self::assertStringNotContainsString('signal', $fpm->log(), 'no worker crashed');

        return $first;
    }

    public function testPreloaded(): void
    {
        $fpm = $this->fpm(['ffi.enable' => 'preload', 'opcache.preload' => self::PRELOAD]);
        self::assertNull($this->shop($fpm)['library'], 'the preloaded scope was used');
        // PHP does not allow FFI to other scripts.
        self::assertStringContainsString('restricted', $fpm->get('ffi.php')[1]);
        $fpm->stop();
    }

    /**
     * On a slow network, a page waits for round trips. TCP, TLS 1.3 and the request need one each. The
     * worker keeps the connection open for the checks of later pages.
     *
     * @dataProvider configurations
     *
     * @param array<string, string> $ini
     */
    public function testALaterPageChecksInOneRoundTrip(array $ini): void
    {
        $order = (string) $this->client()->pay($this->request())->getOrderNumber();
        $relay = new Relay($this->sandbox->httpsUrl());
        // The workers cannot read the sandbox's own directory.
        $directory = new TemporaryDirectory();
        copy($this->sandbox->caFile(), "$directory->path/ca.pem");
        $fpm = $this->fpm($ini);
        $fpm->workers = 1;
        $fpm->setEnvironment('FLEXPAY_CA_FILE', "$directory->path/ca.pem");
        $fpm->setEnvironment('FLEXPAY_PAY_URL', 'https://' . $relay->address() . '/v1.1/pay');
        $fpm->setEnvironment('FLEXPAY_CHECK_URL', 'https://' . $relay->address() . '/api/rest/v1/check');
        $fpm->start();
        $counted = [];
        foreach (["order=$order", "order=$order", 'order=unknown', '', "order=$order", ''] as $query) {
            $fpm->get("call.php?$query");
            $counted[] = $relay->roundTrips();
        }
        self::assertSame([3, 1, 1, 3, 1, 3], $counted, $fpm->log());
        $fpm->stop();
        $relay->stop();
    }

    /** @return iterable<string, array{array<string, string>}> */
    public function configurations(): iterable
    {
        yield 'preloaded' => [['ffi.enable' => 'preload', 'opcache.preload' => self::PRELOAD]];
        yield 'enabled' => [['ffi.enable' => 'true']];
    }

    /**
     * @dataProvider configurations
     *
     * @param array<string, string> $ini
     */
    public function testMobileMoneyAndALogger(array $ini): void
    {
        $environment = ['FLEXPAY_TRACE' => '1'] + $this->sandbox->environment();
        $fpm = (new Fpm(__DIR__ . '/../pages', $ini, $environment, false))->start();
        [$status, $body] = $fpm->get('mobile.php');
        self::assertSame(200, $status, $body . $fpm->log());
        $result = json_decode($body, true);
        self::assertSame($this->sandbox->payments()[0]['order_number'], $result['order_number'] ?? null, $body);
        [[$level, $context]] = $result['records'];
        self::assertSame('debug', $level);
        self::assertSame('pay_mobile', $context['trace']['call']);
        self::assertStringNotContainsString($this->sandbox->token(), $body);

        $this->sandbox->inject(['on' => 'mobile', 'action' => ['kind' => 'reset_after_reading']]);
        [[$level, $context]] = json_decode($fpm->get('mobile.php')[1], true)['records'];
        self::assertSame('error', $level);
        self::assertSame('UNKNOWN', $context['outcome']);
        $fpm->stop();
    }

    public function testPreloadedByARootMaster(): void
    {
        self::assertTrue(Fpm::isRoot(), 'this test must run as root');
        $fpm = $this->fpm([
            'ffi.enable' => 'preload',
            'opcache.preload' => self::PRELOAD,
            'opcache.preload_user' => 'www-data',
        ], true);
        self::assertSame(getenv('FLEXPAY_LIBRARY'), $this->shop($fpm)['library']);
        self::assertStringContainsString('restricted', $fpm->get('ffi.php')[1]);
        $fpm->stop();
    }

    public function testEnabled(): void
    {
        $fpm = $this->fpm(['ffi.enable' => 'true']);
        self::assertSame(getenv('FLEXPAY_LIBRARY'), $this->shop($fpm)['library']);
        self::assertSame('allowed', $fpm->get('ffi.php')[1]);
        $fpm->stop();
    }

    /** @return iterable<string, array{string}> */
    public function disabledSettings(): iterable
    {
        yield 'disabled' => ['0'];
        yield 'preload, but nothing was preloaded' => ['preload'];
    }

    /** @dataProvider disabledSettings */
    public function testDisabled(string $enable): void
    {
        $fpm = $this->fpm(['ffi.enable' => $enable])->start();
        [$status, $body] = $fpm->get('shop.php');
        $error = json_decode($body, true);
        self::assertSame(500, $status);
        self::assertSame('FlexPay\Exception\LibraryException', $error['class']);
        self::assertStringStartsWith("PHP does not allow FFI here (ffi.enable=$enable, fpm-fcgi)", $error['message']);
        self::assertSame([], $this->sandbox->payments());
        $fpm->stop();
    }

    /** @return iterable<string, array{bool}> */
    public function masters(): iterable
    {
        yield 'a root master, as a service manager starts it' => [true];
        yield 'a master without root' => [false];
    }

    /**
     * Following the instructions in the message, and nothing else, makes the shop work.
     *
     * @dataProvider masters
     */
    public function testTheInstructionsInTheMessageWork(bool $rootMaster): void
    {
        self::assertTrue(Fpm::isRoot() || !$rootMaster, 'this test must run as root');
        $fpm = new Fpm(__DIR__ . '/../pages', [], $this->sandbox->environment(), $rootMaster);
        [$status, $body] = $fpm->start()->get('shop.php');
        self::assertSame(500, $status, $body);
        $message = json_decode($body, true)['message'];
        $fpm->stop();

        $pattern = '/Set in (\S+):\n((?:  \S+=\S+\n)+)and restart PHP-FPM:\n  systemctl restart php[\d.]+-fpm\n/';
        self::assertSame(1, preg_match($pattern, $message, $found), $message);
        [, $file, $lines] = $found;
        self::assertSame($fpm->iniFile(), $file);
        file_put_contents($file, "\n" . $lines, FILE_APPEND);
        [$status, $body] = $fpm->start()->get('shop.php');
        self::assertSame(200, $status, $body . $fpm->log());
        self::assertStringContainsString('restricted', $fpm->get('ffi.php')[1], 'other scripts cannot use FFI');
        $fpm->stop();
    }

    public function testPreloadedButDisabled(): void
    {
        $fpm = $this->fpm(['ffi.enable' => '0', 'opcache.preload' => self::PRELOAD]);
        self::assertStringContainsString('PHP does not allow FFI here (ffi.enable=0', $fpm->runUntilExit());
    }

    public function testFpmDoesNotStartWithoutTheLibrary(): void
    {
        $fpm = new Fpm(
            __DIR__ . '/../pages',
            ['ffi.enable' => 'preload', 'opcache.preload' => self::PRELOAD],
            ['FLEXPAY_LIBRARY' => '/nowhere/libflexpay.so']
        );
        self::assertStringContainsString('Tried /nowhere/libflexpay.so', $fpm->runUntilExit());
    }
}
