<?php

declare(strict_types=1);

namespace FlexPay\Tests;

use FlexPay\Tests\Support\Folder;
use FlexPay\Tests\Support\Process;
use PHPUnit\Framework\TestCase;

/** Where the library comes from, and what is said when it does not. Each in a PHP of its own. */
final class LoadingTest extends TestCase
{
    private const PACKAGE = __DIR__ . '/../..';

    /** Loads the library as a client of the option given, and says from where, or why not. */
    private const SCRIPT = '$argv[1] === "" ? require "' . self::PACKAGE . '/autoload.php" : 0;'
        . '$options = ["merchant" => "m", "token" => "t"] + ($argv[2] === "" ? [] : ["library" => $argv[2]]);'
        . 'try { new FlexPay\Client($options); print_r(FlexPay\Internal\Library::load()); }'
        . 'catch (FlexPay\Exception\FlexPayException $e) { echo get_class($e), ": ", $e->getMessage(); }';

    /**
     * @param list<string>          $php         options of PHP
     * @param array<string, string> $environment
     */
    private static function load(string $library, array $environment, array $php = [], string $skip = ''): string
    {
        $environment += array_diff_key(getenv(), ['FLEXPAY_LIBRARY' => 1]);
        $command = array_merge([PHP_BINARY], $php, ['-r', self::SCRIPT, '--', $skip, $library]);
        [$status, $words] = Process::run($command, $environment);
        self::assertSame(0, $status, $words);

        return $words;
    }

    private static function library(): string
    {
        return (string) getenv('FLEXPAY_LIBRARY');
    }

    private static function bundled(): string
    {
        return sprintf('lib/%s-%s/libflexpay.so', strtolower(PHP_OS_FAMILY), php_uname('m'));
    }

    private static function compile(Folder $folder, string $code): string
    {
        file_put_contents($folder->path . '/x.c', $code);
        $library = $folder->path . '/libflexpay.so';
        [$status, $words] = Process::run(['cc', '-shared', '-fPIC', '-o', $library, $folder->path . '/x.c']);
        self::assertSame(0, $status, $words);

        return $library;
    }

    public function testTheArgumentComesBeforeTheEnvironment(): void
    {
        $said = self::load(self::library(), ['FLEXPAY_LIBRARY' => '/nowhere/libflexpay.so']);
        self::assertStringContainsString('[path] => ' . self::library(), $said);
    }

    public function testTheEnvironmentComesBeforeTheBundledFile(): void
    {
        $said = self::load('', ['FLEXPAY_LIBRARY' => self::library()]);
        self::assertStringContainsString('[path] => ' . self::library(), $said);
    }

    public function testTheBundledFile(): void
    {
        // A copy of the package, with a bundled file.
        $folder = new Folder();
        Process::run(['cp', '-r', self::PACKAGE . '/src', self::PACKAGE . '/autoload.php',
            self::PACKAGE . '/flexpay.ffi.h', $folder->path]);
        $file = $folder->path . '/' . self::bundled();
        mkdir(dirname($file), 0755, true);
        copy(self::library(), $file);
        $script = 'require $argv[1] . "/autoload.php"; print_r(FlexPay\Internal\Library::load());';
        [, $said] = Process::run(
            [PHP_BINARY, '-r', $script, '--', $folder->path],
            array_diff_key(getenv(), ['FLEXPAY_LIBRARY' => 1])
        );
        self::assertStringContainsString("[path] => $file", $said);
    }

    public function testAPackageWithoutALibraryNamesTheCommandThatBringsOne(): void
    {
        $folder = new Folder();
        Process::run(['cp', '-r', self::PACKAGE . '/src', self::PACKAGE . '/autoload.php',
            self::PACKAGE . '/flexpay.ffi.h', $folder->path]);
        $script = 'require $argv[1] . "/autoload.php"; try { FlexPay\Internal\Library::load(); }'
            . ' catch (FlexPay\Exception\LibraryException $e) { echo $e->getMessage(); }';
        [, $said] = Process::run(
            [PHP_BINARY, '-r', $script, '--', $folder->path],
            array_diff_key(getenv(), ['FLEXPAY_LIBRARY' => 1])
        );
        self::assertStringContainsString('there is no ' . $folder->path . '/' . self::bundled(), $said);
        self::assertStringContainsString('"make bundle"', $said);
    }

    public function testTheMessageNamesEveryPlace(): void
    {
        $said = self::load('/nowhere/a.so', ['FLEXPAY_LIBRARY' => '/nowhere/b.so']);
        self::assertStringStartsWith('FlexPay\Exception\LibraryException: ', $said);
        self::assertStringContainsString('Tried /nowhere/a.so: there is no such file', $said);
        self::assertStringContainsString('option: /nowhere/a.so', $said);
        self::assertStringContainsString('FLEXPAY_LIBRARY: /nowhere/b.so', $said);
        self::assertStringContainsString(self::bundled(), $said);

        $said = self::load('', ['FLEXPAY_LIBRARY' => '/nowhere/b.so']);
        self::assertStringContainsString('Tried /nowhere/b.so', $said);
        self::assertStringContainsString('option: not given', $said);
    }

    public function testARelativePathStartsAtTheWorkingFolder(): void
    {
        $said = self::load('', ['FLEXPAY_LIBRARY' => 'libc.so.6']);
        self::assertStringContainsString('Tried ' . getcwd() . '/libc.so.6: there is no such file', $said);
    }

    public function testAPlaceThatIsNamedIsNotPassedOver(): void
    {
        $said = self::load('/nowhere/a.so', ['FLEXPAY_LIBRARY' => self::library()]);
        self::assertStringContainsString('Tried /nowhere/a.so', $said);
    }

    public function testAFileThatIsNoLibrary(): void
    {
        $said = self::load(__FILE__, []);
        self::assertStringContainsString('LibraryException', $said);
        self::assertStringContainsString('Tried ' . __FILE__, $said);
    }

    public function testALibraryThatIsAnother(): void
    {
        $folder = new Folder();
        $said = self::load(self::compile($folder, 'int other;'), []);
        self::assertStringContainsString('flexpay_abi_version', $said);
    }

    public function testALibraryOfAnotherAbi(): void
    {
        $folder = new Folder();
        $library = self::compile($folder, 'int flexpay_abi_version(void) { return 7; }');
        $said = self::load($library, []);
        self::assertStringContainsString('LibraryException', $said);
        self::assertStringContainsString('version 7', $said);
        self::assertStringContainsString('version 1', $said);
        self::assertStringContainsString($library, $said);
    }

    public function testANulInThePath(): void
    {
        $script = 'require $argv[1]; try { new FlexPay\Client(["library" => "a\0b"]); }'
            . 'catch (FlexPay\Exception\InvalidArgumentException $e) { echo $e->getMessage(); }';
        [, $said] = Process::run([PHP_BINARY, '-r', $script, '--', self::PACKAGE . '/autoload.php']);
        self::assertSame('library: has a NUL byte in it', $said);
    }

    public function testAProcessHasOneLibrary(): void
    {
        $script = 'require $argv[1]; FlexPay\Internal\Library::load();'
            . 'try { new FlexPay\Client(["merchant" => "m", "token" => "t", "library" => "/other.so"]); }'
            . 'catch (FlexPay\Exception\LibraryException $e) { echo $e->getMessage(); }';
        [, $said] = Process::run([PHP_BINARY, '-r', $script, '--', self::PACKAGE . '/autoload.php']);
        self::assertStringContainsString(self::library(), $said);
        self::assertStringContainsString('/other.so', $said);
    }

    public function testFfiForbidden(): void
    {
        $said = self::load('', ['FLEXPAY_LIBRARY' => self::library()], ['-d', 'ffi.enable=0']);
        self::assertStringStartsWith('FlexPay\Exception\LibraryException: PHP does not allow FFI here', $said);
    }

    public function testFfiMissing(): void
    {
        // Where FFI is built in, there is no such PHP.
        [, $modules] = Process::run([PHP_BINARY, '-n', '-m']);
        self::assertStringNotContainsStringIgnoringCase('ffi', $modules, 'this test cannot run: FFI is built in');
        $said = self::load('', ['FLEXPAY_LIBRARY' => self::library()], ['-n']);
        self::assertStringStartsWith('FlexPay\Exception\LibraryException: ', $said);
        self::assertStringContainsString('FFI extension is missing', $said);
        self::assertStringContainsString('extension=ffi', $said);
    }

    public function testPreloadedOnTheCommandLine(): void
    {
        $root = posix_geteuid() === 0;
        $preload = ['-d', 'opcache.enable_cli=1', '-d', 'opcache.preload=' . self::PACKAGE . '/preload.php'];
        if ($root) {
            $preload = array_merge($preload, ['-d', 'opcache.preload_user=www-data']);
        }
        $said = self::load('', ['FLEXPAY_LIBRARY' => self::library()], $preload, 'no autoload');
        // As root, PHP preloads in a child, where it has no FFI::load.
        self::assertStringContainsString($root ? '[path] => ' . self::library() : '[path] => ' . "\n", $said);
    }

    public function testALibraryThatCannotBePreloadedStopsPhp(): void
    {
        $command = [PHP_BINARY, '-d', 'opcache.enable_cli=1', '-d', 'opcache.preload=' . self::PACKAGE . '/preload.php',
            '-r', 'echo "went on";'];
        if (posix_geteuid() === 0) {
            array_unshift($command, 'setpriv', '--reuid=www-data', '--regid=www-data', '--clear-groups');
        }
        [$status, $said] = Process::run($command, ['FLEXPAY_LIBRARY' => '/nowhere/b.so'] + getenv());
        self::assertNotSame(0, $status);
        self::assertStringContainsString('Tried /nowhere/b.so', $said);
        self::assertStringNotContainsString('went on', $said);
    }
}
