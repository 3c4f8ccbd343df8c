<?php

declare(strict_types=1);

namespace FlexPay\Tests;

use FlexPay\Exception\FlexPayException;
use FlexPay\Exception\LibraryException;
use FlexPay\Internal\Loader;
use FlexPay\Internal\LoadErrors;
use FlexPay\Tests\Support\Http;
use FlexPay\Tests\Support\Process;
use FlexPay\Tests\Support\SandboxTestCase;
use FlexPay\Tests\Support\TemporaryDirectory;

/**
 * Follows the instructions of the error messages when the library cannot be used. (PHP-FPM: FpmTest.)
 *
 * Over FFI only: the instructions are those for FFI; for the program: ProgramTest.
 *
 * @group ffi
 */
final class RemedyTest extends SandboxTestCase
{
    public function testTheOutcomeIsUnusable(): void
    {
        $failure = LoadErrors::create('message');
        self::assertInstanceOf(LibraryException::class, $failure);
        self::assertSame(FlexPayException::OUTCOME_UNUSABLE, $failure->getOutcome());
        self::assertSame('UNUSABLE', $failure->getOutcome());
        self::assertSame('INTERNAL', $failure->getCodeName());
    }

    /** @param list<string> $command */
    private function serve(array $command, int $port, string $directory): Process
    {
        $server = new Process($command, $this->sandbox->environment() + [
            'PATH' => $directory . ':' . getenv('PATH'),
            'FLEXPAY_PROGRAM' => '/nowhere',
        ] + getenv(), "$directory/log");
        $server->waitUntil(static function () use ($port): bool {
            return Http::isListening("tcp://127.0.0.1:$port");
        }, "PHP's built-in server");

        return $server;
    }

    public function testTheBuiltInServer(): void
    {
        $directory = new TemporaryDirectory();
        symlink(PHP_BINARY, $directory->path . '/php'); // the command starts with "php"
        $port = Http::freePort();
        $pages = (string) realpath(__DIR__ . '/../pages');
        $server = $this->serve([PHP_BINARY, '-S', "127.0.0.1:$port", '-t', $pages], $port, $directory->path);
        [$status, $body] = Http::send('GET', "http://127.0.0.1:$port/shop.php");
        $server->stop();
        self::assertSame(500, $status, $body);
        $message = (string) json_decode($body, true)['message'];
        self::assertStringContainsString('cli-server', $message);
        self::assertSame(1, preg_match('/\n  (php .*)$/m', $message, $found), $message);

        $server = $this->serve(['sh', '-c', 'exec ' . $found[1]], $port, $directory->path);
        [$status, $body] = Http::send('GET', "http://127.0.0.1:$port/shop.php");
        $server->stop();
        self::assertSame(200, $status, $body);
        self::assertSame('cli-server', json_decode($body, true)['sapi']);
    }

    public function testTheCommandLine(): void
    {
        $directory = new TemporaryDirectory();
        $script = 'require $argv[1]; try { new FlexPay\Client(["merchant" => "m", "token" => "t", "transport" => "ffi"]);'
            . ' echo "created"; }'
            . ' catch (FlexPay\Exception\LibraryException $e) { echo $e->getMessage(); }';
        $run = static function (string $ini) use ($directory, $script): string {
            $inherited = php_ini_loaded_file();
            $text = $inherited === false ? '' : (string) file_get_contents($inherited);
            file_put_contents($directory->path . '/php.ini', "$text\n$ini");

            return Process::run([PHP_BINARY, '-c', $directory->path . '/php.ini', '-r', $script, '--',
                __DIR__ . '/../../autoload.php'])[1];
        };
        $message = $run('ffi.enable=0');
        $pattern = '~^PHP does not allow FFI here \(ffi.enable=0, cli\)\. .* set in (\S+):\n  (\S+)$~';
        self::assertSame(1, preg_match($pattern, $message, $found), $message);
        self::assertSame($directory->path . '/php.ini', $found[1]);
        self::assertSame('created', $run($found[2]));
    }

    public function testTheRemedyForApache(): void
    {
        $remedy = LoadErrors::remedy('apache2handler');
        $preload = (string) realpath(__DIR__ . '/../../preload.php');
        foreach (['ffi.enable=preload', 'opcache.enable=1', "opcache.preload=$preload"] as $line) {
            self::assertStringContainsString("\n  $line\n", $remedy);
        }
        self::assertMatchesRegularExpression('/\n  opcache\.preload_user=\S+\n/', $remedy);
        self::assertStringContainsString("\n  systemctl restart apache2\n", $remedy);
        self::assertStringNotContainsString('fpm', $remedy);
    }

    public function testTheRemedyForAnyOtherSapi(): void
    {
        $remedy = LoadErrors::remedy('cgi-fcgi');
        self::assertStringContainsString("\n  ffi.enable=true\n", $remedy);
        self::assertStringNotContainsString('preload=', $remedy);
    }

    public function testTheRemedyOnWindows(): void
    {
        $remedy = LoadErrors::remedy('apache2handler', 'Windows');
        self::assertStringContainsString("\n  ffi.enable=true\n", $remedy);
        self::assertStringContainsString('restart Apache', $remedy);
        self::assertStringNotContainsString('preload', $remedy);
        self::assertStringNotContainsString('systemctl', $remedy);
        self::assertStringContainsString("\n  ffi.enable=true\n", LoadErrors::remedy('cgi-fcgi', 'Windows'));
    }

    public function testPreloadingOnWindowsIsRefused(): void
    {
        $this->expectException(LibraryException::class);
        $this->expectExceptionMessageMatches('/^PHP on Windows cannot preload\..*\n  ffi\.enable=true\n/s');
        Loader::preload('Windows');
    }
}
