<?php

declare(strict_types=1);

namespace FlexPay\Tests;

use FlexPay\Tests\Support\Folder;
use FlexPay\Tests\Support\Fpm;
use FlexPay\Tests\Support\Relay;
use FlexPay\Tests\Support\SandboxTestCase;

/** The package where shops run it: in PHP-FPM, behind nginx. */
final class FpmTest extends SandboxTestCase
{
    private const PRELOAD = __DIR__ . '/../../preload.php';

    /** @param array<string, string> $ini */
    private function fpm(array $ini, bool $master = false): Fpm
    {
        return new Fpm(__DIR__ . '/../pages', $ini, $this->sandbox->environment(), $master);
    }

    /** @return array<string, mixed> what the page says, after several requests to several workers */
    private function shop(Fpm $fpm): array
    {
        $fpm->start();
        [$status, $body] = $fpm->get('shop.php');
        self::assertSame(200, $status, $body . $fpm->log());
        $first = json_decode($body, true);

        $workers = [];
        foreach (array_merge($fpm->getTogether('shop.php', 24), $fpm->getTogether('shop.php', 24)) as $answer) {
            [$head, $body] = explode("\r\n\r\n", $answer, 2);
            self::assertStringContainsString(' 200 ', strtok($head, "\r\n"), $body);
            $said = json_decode($body, true);
            $workers[$said['worker']] = true;
            unset($said['worker'], $first['worker']);
            self::assertSame($first, $said);
        }
        self::assertGreaterThan(1, count($workers), 'several workers answered');
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
        // PHP keeps FFI from everybody else.
        self::assertStringContainsString('restricted', $fpm->get('ffi.php')[1]);
        $fpm->stop();
    }

    /**
     * On a slow line a page waits for round trips. TCP, TLS 1.3 and the request are one each; the
     * worker keeps its connection for the checks of later pages.
     *
     * @dataProvider forms
     *
     * @param array<string, string> $ini
     */
    public function testALaterPageChecksInOneRoundTrip(array $ini): void
    {
        $order = (string) $this->client()->pay($this->request())->getOrderNumber();
        $relay = new Relay($this->sandbox->httpsUrl());
        // The workers cannot read the sandbox's own folder.
        $folder = new Folder();
        copy($this->sandbox->caFile(), "$folder->path/ca.pem");
        $fpm = $this->fpm($ini);
        $fpm->workers = 1;
        $fpm->setEnvironment('FLEXPAY_CA_FILE', "$folder->path/ca.pem");
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
    public function forms(): iterable
    {
        yield 'preloaded' => [['ffi.enable' => 'preload', 'opcache.preload' => self::PRELOAD]];
        yield 'enabled' => [['ffi.enable' => 'true']];
    }

    public function testPreloadedByAMasterThatIsRoot(): void
    {
        self::assertTrue(Fpm::canBeRoot(), 'this test cannot run: only root starts such a master');
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
    public function forbidding(): iterable
    {
        yield 'disabled' => ['0'];
        yield 'to be preloaded, and was not' => ['preload'];
    }

    /** @dataProvider forbidding */
    public function testForbidden(string $enable): void
    {
        $fpm = $this->fpm(['ffi.enable' => $enable])->start();
        [$status, $body] = $fpm->get('shop.php');
        $said = json_decode($body, true);
        self::assertSame(500, $status);
        self::assertSame('FlexPay\Exception\LibraryException', $said['class']);
        self::assertStringStartsWith("PHP does not allow FFI here (ffi.enable=$enable, fpm-fcgi)", $said['message']);
        self::assertSame([], $this->sandbox->payments());
        $fpm->stop();
    }

    /** @return iterable<string, array{bool}> */
    public function masters(): iterable
    {
        yield 'a master that is root, as systems start it' => [true];
        yield 'a master that is not' => [false];
    }

    /**
     * Whoever types what the message says, and nothing else, has a shop that works.
     *
     * @dataProvider masters
     */
    public function testTheMessageIsFollowed(bool $master): void
    {
        self::assertTrue(Fpm::canBeRoot() || !$master, 'this test cannot run: only root starts such a master');
        $fpm = new Fpm(__DIR__ . '/../pages', [], $this->sandbox->environment(), $master);
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
        self::assertStringContainsString('restricted', $fpm->get('ffi.php')[1], 'and FFI is kept from other scripts');
        $fpm->stop();
    }

    /** Preloaded, and then forbidden all the same. */
    public function testPreloadedAndDisabled(): void
    {
        $fpm = $this->fpm(['ffi.enable' => '0', 'opcache.preload' => self::PRELOAD]);
        self::assertStringContainsString('PHP does not allow FFI here (ffi.enable=0', $fpm->lastWords());
    }

    public function testFpmDoesNotStartWithoutItsLibrary(): void
    {
        $fpm = new Fpm(
            __DIR__ . '/../pages',
            ['ffi.enable' => 'preload', 'opcache.preload' => self::PRELOAD],
            ['FLEXPAY_LIBRARY' => '/nowhere/libflexpay.so']
        );
        self::assertStringContainsString('Tried /nowhere/libflexpay.so', $fpm->lastWords());
    }
}
