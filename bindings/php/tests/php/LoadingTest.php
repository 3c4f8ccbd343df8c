<?php

declare(strict_types=1);

namespace FlexPay\Tests;

use FlexPay\Internal\Platform;
use FlexPay\Tests\Support\Process;
use FlexPay\Tests\Support\TemporaryDirectory;
use PHPUnit\Framework\TestCase;

/**
 * Where the library is loaded from, and the error messages if it cannot be. Each test starts its own PHP.
 *
 * Over FFI only: it loads the library; for the program: ProgramTest.
 *
 * @group ffi
 */
final class LoadingTest extends TestCase
{
    private const PACKAGE = __DIR__ . '/../..';

    /** Creates a client with the given "library" option. Prints the path of the library, or the error. */
    private const SCRIPT = '$argv[1] === "" ? require "' . self::PACKAGE . '/autoload.php" : 0;'
        . '$options = ["merchant" => "m", "token" => "t", "transport" => "ffi"] + ($argv[2] === "" ? [] : ["library" => $argv[2]]);'
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
        [$status, $output] = Process::run($command, $environment);
        self::assertSame(0, $status, $output);

        return $output;
    }

    private static function library(): string
    {
        return (string) getenv('FLEXPAY_LIBRARY');
    }

    private static function bundled(): string
    {
        return 'lib/' . Platform::name() . '/libflexpay.so';
    }

    private static function compile(TemporaryDirectory $directory, string $code): string
    {
        file_put_contents($directory->path . '/x.c', $code);
        $library = $directory->path . '/libflexpay.so';
        [$status, $output] = Process::run(['cc', '-shared', '-fPIC', '-o', $library, $directory->path . '/x.c']);
        self::assertSame(0, $status, $output);

        return $library;
    }

    public function testTheOptionComesBeforeTheEnvironment(): void
    {
        $output = self::load(self::library(), ['FLEXPAY_LIBRARY' => '/nowhere/libflexpay.so']);
        self::assertStringContainsString('[path] => ' . self::library(), $output);
    }

    public function testTheEnvironmentComesBeforeTheBundledFile(): void
    {
        $output = self::load('', ['FLEXPAY_LIBRARY' => self::library()]);
        self::assertStringContainsString('[path] => ' . self::library(), $output);
    }

    public function testTheBundledFile(): void
    {
        // A copy of the package, with a bundled file.
        $directory = new TemporaryDirectory();
        Process::run(['cp', '-r', self::PACKAGE . '/src', self::PACKAGE . '/autoload.php',
            self::PACKAGE . '/flexpay.ffi.h', $directory->path]);
        $file = $directory->path . '/' . self::bundled();
        mkdir(dirname($file), 0755, true);
        copy(self::library(), $file);
        $script = 'require $argv[1] . "/autoload.php"; print_r(FlexPay\Internal\Library::load());';
        [, $output] = Process::run(
            [PHP_BINARY, '-r', $script, '--', $directory->path],
            array_diff_key(getenv(), ['FLEXPAY_LIBRARY' => 1])
        );
        self::assertStringContainsString("[path] => $file", $output);
    }

    public function testTheErrorForAMissingBundledFileNamesTheCommandToRun(): void
    {
        $directory = new TemporaryDirectory();
        Process::run(['cp', '-r', self::PACKAGE . '/src', self::PACKAGE . '/autoload.php',
            self::PACKAGE . '/flexpay.ffi.h', $directory->path]);
        $script = 'require $argv[1] . "/autoload.php"; try { FlexPay\Internal\Library::load(); }'
            . ' catch (FlexPay\Exception\LibraryException $e) { echo $e->getMessage(); }';
        [, $output] = Process::run(
            [PHP_BINARY, '-r', $script, '--', $directory->path],
            array_diff_key(getenv(), ['FLEXPAY_LIBRARY' => 1])
        );
        self::assertStringContainsString($directory->path . '/' . self::bundled() . ' does not exist', $output);
        self::assertStringContainsString('"make bundle"', $output);
    }

    public function testTheErrorListsEveryPlace(): void
    {
        $output = self::load('/nowhere/a.so', ['FLEXPAY_LIBRARY' => '/nowhere/b.so']);
        self::assertStringStartsWith('FlexPay\Exception\LibraryException: ', $output);
        self::assertStringContainsString('Tried /nowhere/a.so: the file does not exist', $output);
        self::assertStringContainsString('option: /nowhere/a.so', $output);
        self::assertStringContainsString('FLEXPAY_LIBRARY: /nowhere/b.so', $output);
        self::assertStringContainsString(self::bundled(), $output);

        $output = self::load('', ['FLEXPAY_LIBRARY' => '/nowhere/b.so']);
        self::assertStringContainsString('Tried /nowhere/b.so', $output);
        self::assertStringContainsString('option: not set', $output);
    }

    public function testARelativePathStartsAtTheWorkingDirectory(): void
    {
        $output = self::load('', ['FLEXPAY_LIBRARY' => 'libc.so.6']);
        self::assertStringContainsString('Tried ' . getcwd() . '/libc.so.6: the file does not exist', $output);
    }

    public function testAPlaceThatIsSetIsNotSkipped(): void
    {
        $output = self::load('/nowhere/a.so', ['FLEXPAY_LIBRARY' => self::library()]);
        self::assertStringContainsString('Tried /nowhere/a.so', $output);
    }

    public function testAFileThatIsNotALibrary(): void
    {
        $output = self::load(__FILE__, []);
        self::assertStringContainsString('LibraryException', $output);
        self::assertStringContainsString('Tried ' . __FILE__, $output);
    }

    public function testAnotherLibrary(): void
    {
        $directory = new TemporaryDirectory();
        $output = self::load(self::compile($directory, 'int other;'), []);
        self::assertStringContainsString('flexpay_abi_version', $output);
    }

    public function testALibraryWithAnotherAbiVersion(): void
    {
        $directory = new TemporaryDirectory();
        $library = self::compile($directory, 'int flexpay_abi_version(void) { return 7; }');
        $output = self::load($library, []);
        self::assertStringContainsString('LibraryException', $output);
        self::assertStringContainsString('version 7', $output);
        self::assertStringContainsString('version 1', $output);
        self::assertStringContainsString($library, $output);
    }

    public function testAnOlderLibrary(): void
    {
        $directory = new TemporaryDirectory();
        $library = self::compile($directory, 'int flexpay_abi_version(void) { return 1; }');
        $output = self::load($library, []);
        self::assertStringStartsWith('FlexPay\Exception\LibraryException: Cannot load libflexpay. Tried ', $output);
        self::assertStringContainsString("Tried $library: Failed resolving C function 'flexpay_", $output);
    }

    public function testANulByteInThePath(): void
    {
        $script = 'require $argv[1]; try { new FlexPay\Client(["library" => "a\0b"]); }'
            . 'catch (FlexPay\Exception\InvalidArgumentException $e) { echo $e->getMessage(); }';
        [, $output] = Process::run([PHP_BINARY, '-r', $script, '--', self::PACKAGE . '/autoload.php']);
        self::assertSame('library: contains a NUL byte', $output);
    }

    public function testAProcessHasOneLibrary(): void
    {
        $script = 'require $argv[1]; FlexPay\Internal\Library::load();'
            . 'try { new FlexPay\Client(["merchant" => "m", "token" => "t", "library" => "/other.so"]); }'
            . 'catch (FlexPay\Exception\LibraryException $e) { echo $e->getMessage(); }';
        [, $output] = Process::run([PHP_BINARY, '-r', $script, '--', self::PACKAGE . '/autoload.php']);
        self::assertStringContainsString(self::library(), $output);
        self::assertStringContainsString('/other.so', $output);
    }

    public function testFfiDisabled(): void
    {
        $output = self::load('', ['FLEXPAY_LIBRARY' => self::library()], ['-d', 'ffi.enable=0']);
        self::assertStringStartsWith('FlexPay\Exception\LibraryException: PHP does not allow FFI here', $output);
    }

    public function testFfiMissing(): void
    {
        // A PHP with built-in FFI cannot run without it.
        [, $modules] = Process::run([PHP_BINARY, '-n', '-m']);
        self::assertStringNotContainsStringIgnoringCase('ffi', $modules, 'this test needs a PHP without built-in FFI');
        $output = self::load('', ['FLEXPAY_LIBRARY' => self::library()], ['-n']);
        self::assertStringStartsWith('FlexPay\Exception\LibraryException: ', $output);
        self::assertStringContainsString('FFI extension is missing', $output);
        self::assertStringContainsString('extension=ffi', $output);
    }

    public function testPreloadedOnTheCommandLine(): void
    {
        $root = posix_geteuid() === 0;
        $preload = ['-d', 'opcache.enable_cli=1', '-d', 'opcache.preload=' . self::PACKAGE . '/preload.php'];
        if ($root) {
            $preload = array_merge($preload, ['-d', 'opcache.preload_user=www-data']);
        }
        $output = self::load('', ['FLEXPAY_LIBRARY' => self::library()], $preload, 'no autoload');
        // As root, PHP preloads in a child process, where FFI::load is not available.
        self::assertStringContainsString($root ? '[path] => ' . self::library() : '[path] => ' . "\n", $output);
    }

    public function testALibraryThatCannotBePreloadedStopsPhp(): void
    {
        $command = [PHP_BINARY, '-d', 'opcache.enable_cli=1', '-d', 'opcache.preload=' . self::PACKAGE . '/preload.php',
            '-r', 'echo "continued";'];
        if (posix_geteuid() === 0) {
            array_unshift($command, 'setpriv', '--reuid=www-data', '--regid=www-data', '--clear-groups');
        }
        [$status, $output] = Process::run($command, ['FLEXPAY_LIBRARY' => '/nowhere/b.so'] + getenv());
        self::assertNotSame(0, $status);
        self::assertStringContainsString('Tried /nowhere/b.so', $output);
        self::assertStringNotContainsString('continued', $output);
    }
}
