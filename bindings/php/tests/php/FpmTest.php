<?php

declare(strict_types=1);

namespace FlexPay\Tests;

use FlexPay\Tests\Support\Fpm;
use FlexPay\Tests\Support\Relay;
use FlexPay\Tests\Support\SandboxTestCase;
use FlexPay\Tests\Support\TemporaryDirectory;

/**
 * The package in PHP-FPM behind nginx, as shops use it. Each test sets PHP's settings itself: those that are
 * about one transport are in its group, and run once.
 */
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

    /** @group ffi */
    public function testPreloaded(): void
    {
        $fpm = $this->fpm(['ffi.enable' => 'preload', 'opcache.preload' => self::PRELOAD]);
        $shop = $this->shop($fpm);
        self::assertSame('Library', $shop['transport']);
        self::assertNull($shop['path'], 'the preloaded scope was used');
        // PHP does not allow FFI to other scripts.
        self::assertStringContainsString('restricted', $fpm->get('ffi.php')[1]);
        $fpm->stop();
    }

    /**
     * On a slow network, a page waits for round trips. TCP, TLS 1.3 and the request need one each. The
     * worker keeps the connection open for the checks of later pages.
     *
     * Over FFI only: the program ends with each page, and its connections.
     *
     * @group ffi
     *
     * @dataProvider ffiConfigurations
     *
     * @param array<string, string> $ini
     */
    public function testALaterPageChecksInOneRoundTrip(array $ini): void
    {
        $queries = ['order=ORDER', 'order=ORDER', 'order=unknown', '', 'order=ORDER', ''];
        self::assertSame([3, 1, 1, 3, 1, 3], $this->roundTrips($ini, $queries));
    }

    /**
     * The program keeps a connection for the other checks of the same page only.
     *
     * @group program
     */
    public function testWithoutFfiEachPageConnectsAgain(): void
    {
        $queries = ['order=ORDER', 'order=ORDER', '', 'order=ORDER&times=2'];
        self::assertSame([3, 3, 3, 4], $this->roundTrips(['ffi.enable' => '0'], $queries));
    }

    /**
     * Loads call.php with each query, and returns the round trips of each page.
     *
     * @param array<string, string> $ini
     * @param list<string>          $queries ORDER stands for the number of an order
     *
     * @return list<int>
     */
    private function roundTrips(array $ini, array $queries): array
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
        foreach ($queries as $query) {
            $fpm->get('call.php?' . str_replace('ORDER', $order, $query));
            $counted[] = $relay->roundTrips();
        }
        $fpm->stop();
        $relay->stop();

        return $counted;
    }

    /** @return iterable<string, array{array<string, string>}> */
    public function ffiConfigurations(): iterable
    {
        yield 'preloaded' => [['ffi.enable' => 'preload', 'opcache.preload' => self::PRELOAD]];
        yield 'enabled' => [['ffi.enable' => 'true']];
    }

    /** @return iterable<string, array{array<string, string>}> */
    public function configurations(): iterable
    {
        yield from $this->ffiConfigurations();
        yield 'the program' => [['ffi.enable' => '0']];
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

    /** @group ffi */
    public function testPreloadedByARootMaster(): void
    {
        self::assertTrue(Fpm::isRoot(), 'this test must run as root');
        $fpm = $this->fpm([
            'ffi.enable' => 'preload',
            'opcache.preload' => self::PRELOAD,
            'opcache.preload_user' => 'www-data',
        ], true);
        self::assertSame(getenv('FLEXPAY_LIBRARY'), $this->shop($fpm)['path']);
        self::assertStringContainsString('restricted', $fpm->get('ffi.php')[1]);
        $fpm->stop();
    }

    /** @group ffi */
    public function testEnabled(): void
    {
        $fpm = $this->fpm(['ffi.enable' => 'true']);
        self::assertSame(getenv('FLEXPAY_LIBRARY'), $this->shop($fpm)['path']);
        self::assertSame('allowed', $fpm->get('ffi.php')[1]);
        $fpm->stop();
    }

    /** @return iterable<string, array{array<string, string>, bool}> */
    public function programConfigurations(): iterable
    {
        yield 'FFI is disabled' => [['ffi.enable' => '0'], false];
        yield 'FFI is disabled, a root master' => [['ffi.enable' => '0'], true];
        yield 'nothing was preloaded' => [['ffi.enable' => 'preload'], false];
        yield 'a directory of the shop' => [['ffi.enable' => '0', 'open_basedir' => dirname(__DIR__, 5)], false];
    }

    /**
     * The pages print what they print with FFI, and leave no process behind.
     *
     * @group program
     *
     * @dataProvider programConfigurations
     *
     * @param array<string, string> $ini
     */
    public function testTheProgram(array $ini, bool $rootMaster): void
    {
        $fpm = $this->fpm($ini, $rootMaster);
        $shop = $this->shop($fpm);
        self::assertSame('Program', $shop['transport']);
        self::assertSame(getenv('FLEXPAY_PROGRAM'), $shop['path']);
        self::assertStringContainsString('restricted', $fpm->get('ffi.php')[1]);
        self::assertStringNotContainsString('PHP Warning', $fpm->log());
        self::assertSame([], ProgramTest::running());
        $fpm->stop();
    }

    /**
     * Ten pages at once, in ten workers: each has its own program, and its own reply.
     *
     * @group program
     */
    public function testTenPagesAtOnce(): void
    {
        $fpm = $this->fpm(['ffi.enable' => '0']);
        $fpm->workers = 10;
        $fpm->start();
        $this->sandbox->inject(['on' => 'pay', 'times' => null, 'action' => ['kind' => 'delay', 'ms' => 300]]);
        $workers = [];
        foreach ($fpm->getConcurrently('shop.php', 10) as $response) {
            [$head, $body] = explode("\r\n\r\n", $response, 2);
            self::assertStringContainsString(' 200 ', strtok($head, "\r\n"), $body);
            $workers[] = json_decode($body, true)['worker'];
        }
        self::assertCount(10, array_unique($workers));
        self::assertCount(10, $this->sandbox->payments());
        self::assertSame([], ProgramTest::running());
        $fpm->stop();
    }

    /** @return iterable<string, array{string}> */
    public function disabledSettings(): iterable
    {
        yield 'disabled' => ['0'];
        yield 'preload, but nothing was preloaded' => ['preload'];
    }

    /**
     * @group ffi
     *
     * @dataProvider disabledSettings
     */
    public function testDisabled(string $enable): void
    {
        $fpm = $this->fpm(['ffi.enable' => $enable]);
        $fpm->setEnvironment('FLEXPAY_PROGRAM', '/nowhere/flexpay');
        $fpm->start();
        [$status, $body] = $fpm->get('shop.php');
        $error = json_decode($body, true);
        self::assertSame(500, $status);
        self::assertSame('FlexPay\Exception\LibraryException', $error['class']);
        self::assertStringContainsString("PHP does not allow FFI here (ffi.enable=$enable, fpm-fcgi)", $error['message']);
        self::assertStringContainsString('Cannot run /nowhere/flexpay: there is no such file', $error['message']);
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
     * @group ffi
     *
     * @dataProvider masters
     */
    public function testTheInstructionsInTheMessageWork(bool $rootMaster): void
    {
        self::assertTrue(Fpm::isRoot() || !$rootMaster, 'this test must run as root');
        $fpm = new Fpm(__DIR__ . '/../pages', [], $this->sandbox->environment(), $rootMaster);
        $fpm->setEnvironment('FLEXPAY_PROGRAM', '/nowhere/flexpay');
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

    /** @group ffi */
    public function testPreloadedButDisabled(): void
    {
        $fpm = $this->fpm(['ffi.enable' => '0', 'opcache.preload' => self::PRELOAD]);
        self::assertStringContainsString('PHP does not allow FFI here (ffi.enable=0', $fpm->runUntilExit());
    }

    /** @group ffi */
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
