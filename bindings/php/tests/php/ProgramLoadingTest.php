<?php

declare(strict_types=1);

namespace FlexPay\Tests;

use FlexPay\Internal\Platform;
use FlexPay\Tests\Support\Process;
use FlexPay\Tests\Support\SandboxTestCase;
use FlexPay\Tests\Support\TemporaryDirectory;

/**
 * Where the program is found, and the messages if it cannot be started. Each test starts its own PHP, without
 * FFI, with a copy of the package.
 *
 * Over the program only: it is not used with FFI.
 *
 * @group program
 */
final class ProgramLoadingTest extends SandboxTestCase
{
    private const PACKAGE = __DIR__ . '/../..';

    private TemporaryDirectory $directory;

    protected function setUp(): void
    {
        parent::setUp();
        $this->directory = new TemporaryDirectory();
        Process::run(['cp', '-r', self::PACKAGE . '/src', self::PACKAGE . '/autoload.php',
            self::PACKAGE . '/flexpay.ffi.h', $this->directory->path]);
    }

    private static function program(): string
    {
        return (string) getenv('FLEXPAY_PROGRAM');
    }

    /** The path where the package looks for the bundled program. */
    private function bundled(): string
    {
        return $this->directory->path . '/lib/' . Platform::name() . '/flexpay';
    }

    private function bundle(): void
    {
        mkdir(dirname($this->bundled()), 0755, true);
        copy(self::program(), $this->bundled());
        chmod($this->bundled(), 0755);
    }

    /**
     * Creates a client and pays. Prints the path of the transport, or the error.
     *
     * @param array<string, mixed>  $options
     * @param array<string, string> $environment
     * @param list<string>          $php         options of PHP
     * @param list<string>          $prefix      of the command
     */
    private function pay(array $options, array $environment = [], array $php = [], array $prefix = []): string
    {
        // The second attempt fails as the first.
        $script = 'require $argv[1]; try { try { $client = new FlexPay\Client(json_decode($argv[2], true)); }'
            . ' catch (FlexPay\Exception\LibraryException $first) { }'
            . ' $client = new FlexPay\Client(json_decode($argv[2], true)); $client->payMobile('
            . 'new FlexPay\MobileRequest(uniqid(), 1, "USD", "0812345678", "http://127.0.0.1:9/"));'
            . 'print_r(FlexPay\Internal\Transports::current()); }'
            . 'catch (FlexPay\Exception\FlexPayException $e) {'
            . 'echo get_class($e), " ", $e->getOutcome(), ": ", $e->getMessage(); }';
        $command = array_merge($prefix, [PHP_BINARY, '-d', 'ffi.enable=0'], $php, ['-r', $script, '--',
            $this->directory->path . '/autoload.php', (string) json_encode($this->sandbox->options($options))]);
        $environment += array_diff_key(getenv(), ['FLEXPAY_PROGRAM' => 1]);
        [$status, $output] = Process::run($command, $environment);
        self::assertSame(0, $status, $output);

        return $output;
    }

    // ---- Where it is found ----------------------------------------------------------------------

    public function testTheBundledProgram(): void
    {
        $this->bundle();
        $output = $this->pay([]);
        self::assertStringContainsString('[path] => ' . $this->bundled(), $output);
        self::assertSame([], ProgramTest::running());
    }

    public function testTheOptionComesBeforeTheEnvironmentAndThatBeforeTheBundledFile(): void
    {
        $this->bundle();
        $output = $this->pay([], ['FLEXPAY_PROGRAM' => self::program()]);
        self::assertStringContainsString('[path] => ' . self::program(), $output);
        $output = $this->pay(['program' => self::program()], ['FLEXPAY_PROGRAM' => '/nowhere/flexpay']);
        self::assertStringContainsString('[path] => ' . self::program(), $output);
        // A place that is set is not skipped.
        $output = $this->pay(['program' => '/nowhere/flexpay'], ['FLEXPAY_PROGRAM' => self::program()]);
        self::assertStringContainsString('Cannot run /nowhere/flexpay: there is no such file', $output);
    }

    public function testARelativePathStartsAtTheWorkingDirectory(): void
    {
        $output = $this->pay(['program' => 'flexpay']);
        self::assertStringContainsString('Cannot run ' . getcwd() . '/flexpay: ', $output);
        $output = $this->pay(['program' => "a\0b"]);
        self::assertStringContainsString('InvalidArgumentException NOT_SENT: program: contains a NUL byte', $output);
    }

    public function testALibraryThatPhpMayNotLoadIsNotRequired(): void
    {
        $output = $this->pay(['program' => self::program(), 'library' => '/nowhere/libflexpay.so']);
        self::assertStringContainsString('[path] => ' . self::program(), $output);
    }

    public function testWithoutABundledLibraryTheProgramIsUsed(): void
    {
        $this->bundle();
        $output = $this->pay([], ['FLEXPAY_LIBRARY' => ''], ['-d', 'ffi.enable=1']);
        self::assertStringContainsString('[path] => ' . $this->bundled(), $output);
        // A library that the shop named, and that PHP may load, must work.
        $output = $this->pay([], ['FLEXPAY_LIBRARY' => '/nowhere/libflexpay.so'], ['-d', 'ffi.enable=1']);
        self::assertStringContainsString('Tried /nowhere/libflexpay.so', $output);
    }

    public function testTheTransportCanBeChosen(): void
    {
        $this->bundle();
        $output = $this->pay(['transport' => 'program'], [], ['-d', 'ffi.enable=1']);
        self::assertStringContainsString('[path] => ' . $this->bundled(), $output);
        $output = $this->pay(['transport' => 'auto'], [], ['-d', 'ffi.enable=1']);
        self::assertStringContainsString('[path] => ' . getenv('FLEXPAY_LIBRARY'), $output);
        $output = $this->pay(['transport' => 'ffi']);
        self::assertStringStartsWith('FlexPay\Exception\LibraryException UNUSABLE: PHP does not allow FFI', $output);
        $output = $this->pay(['transport' => 'curl']);
        self::assertStringContainsString('transport: must be "auto" or "ffi" or "program"', $output);
    }

    public function testFfiMissing(): void
    {
        $this->bundle();
        [, $modules] = Process::run([PHP_BINARY, '-n', '-m']);
        self::assertStringNotContainsStringIgnoringCase('ffi', $modules, 'this test needs a PHP without built-in FFI');
        $json = PHP_VERSION_ID < 80000 ? ['-d', 'extension_dir=' . ini_get('extension_dir'), '-d', 'extension=json'] : [];
        $output = $this->pay([], [], array_merge(['-n'], $json));
        self::assertStringContainsString('[path] => ' . $this->bundled(), $output);
    }

    // ---- The command bin/flexpay ----------------------------------------------------------------

    /**
     * @param list<string>          $php         options of PHP
     * @param array<string, string> $environment
     *
     * @return array{int, string}
     */
    private function command(array $php, array $environment = []): array
    {
        Process::run(['cp', '-r', self::PACKAGE . '/bin', $this->directory->path]);
        $command = array_merge([PHP_BINARY], $php, [$this->directory->path . '/bin/flexpay', '--version']);

        return Process::run($command, $environment + array_diff_key(getenv(), ['FLEXPAY_PROGRAM' => 1]));
    }

    /** @return iterable<string, array{list<string>}> */
    public function waysToRunIt(): iterable
    {
        yield 'in place of PHP' => [[]];
        yield 'as a child of PHP' => [['-d', 'disable_functions=pcntl_exec']];
    }

    /**
     * @dataProvider waysToRunIt
     *
     * @param list<string> $php
     */
    public function testTheCommandRunsTheProgramOfThisPlatform(array $php): void
    {
        [$status, $output] = $this->command($php);
        self::assertSame(3, $status, $output);
        self::assertStringStartsWith('Cannot run ' . $this->bundled() . ': there is no such file', $output);

        $this->bundle();
        [$status, $output] = $this->command($php);
        self::assertSame(0, $status, $output);
        self::assertMatchesRegularExpression('/^flexpay \d+\.\d+\.\d+\S*\n$/', $output);

        file_put_contents($this->directory->path . '/other', "#!/bin/sh\necho \"other: \$1\"\nexit 9\n");
        chmod($this->directory->path . '/other', 0755);
        $environment = ['FLEXPAY_PROGRAM' => $this->directory->path . '/other'];
        self::assertSame([9, "other: --version\n"], $this->command($php, $environment));

        chmod($this->bundled(), 0644);
        [$status, $output] = $this->command($php);
        self::assertSame(3, $status);
        self::assertStringContainsString('the file is not executable; run: chmod 755 ', $output);
    }

    public function testTheCommandWherePhpMayNotStartPrograms(): void
    {
        $this->bundle();
        [$status, $output] = $this->command(['-d', 'disable_functions=pcntl_exec,proc_open']);
        self::assertSame(3, $status);
        self::assertStringContainsString('PHP may not start programs here', $output);
    }

    // ---- Restrictions ---------------------------------------------------------------------------

    public function testOpenBasedir(): void
    {
        $this->bundle();
        $output = $this->pay([], [], ['-d', 'open_basedir=' . $this->directory->path]);
        self::assertStringContainsString('[path] => ' . $this->bundled(), $output);
        // It restricts the files that PHP opens, not the programs that it starts.
        $output = $this->pay(['program' => self::program()], [], ['-d', 'open_basedir=' . $this->directory->path]);
        self::assertStringContainsString('[path] => ' . self::program(), $output);

        $output = $this->pay(['program' => '/nowhere/flexpay'], [], ['-d', 'open_basedir=' . $this->directory->path]);
        self::assertStringContainsString('add its directory to the line open_basedir in ', $output);
    }

    public function testNeitherIsAllowed(): void
    {
        $this->bundle();
        $output = $this->pay([], [], ['-d', 'disable_functions=proc_open']);
        self::assertStringStartsWith(
            'FlexPay\Exception\LibraryException UNUSABLE: FlexPay needs FFI or its own program, and can use neither here.'
            . " One of them is enough.\n1. FFI, the faster one: PHP does not allow FFI here (ffi.enable=0, cli).",
            $output
        );
        self::assertStringContainsString(
            "\n2. The program: PHP may not start programs here: proc_open cannot be called. Remove it from the line"
            . ' disable_functions in ',
            $output
        );
        $output = $this->pay([], [], ['-d', 'disable_functions=exec,proc_terminate,stream_select']);
        self::assertStringContainsString('proc_terminate, stream_select cannot be called. Remove them', $output);
        self::assertSame([], $this->sandbox->requests());

        // Each instruction is enough.
        self::assertStringContainsString('[path] => ' . $this->bundled(), $this->pay([]));
        $output = $this->pay([], [], ['-d', 'disable_functions=proc_open', '-d', 'ffi.enable=preload']);
        self::assertStringContainsString('[path] => ' . getenv('FLEXPAY_LIBRARY'), $output);
    }

    /**
     * Without FFI, and with open_basedir, PHP cannot read which C library it uses. The bundled files are those of
     * this test's PHP all the same.
     */
    public function testThePlatformIsFoundWithOpenBasedir(): void
    {
        $script = 'require $argv[1];'
            . ' echo FlexPay\Internal\Platform::name(), json_encode(@file_get_contents("/proc/self/exe"));';
        $command = [PHP_BINARY, '-d', 'open_basedir=' . $this->directory->path, '-r', $script, '--'];
        $output = Process::run(array_merge($command, [$this->directory->path . '/autoload.php']))[1];
        self::assertSame(Platform::name() . 'false', $output);
    }

    public function testAMissingBundledFile(): void
    {
        $output = $this->pay([]);
        self::assertStringContainsString('Cannot run ' . $this->bundled() . ': there is no such file, or ', $output);
        self::assertStringContainsString('; install the package again or, in a copy of the flexpay project, run', $output);
        self::assertStringContainsString('FLEXPAY_PROGRAM', $output);
    }

    public function testAFileThatIsNotExecutable(): void
    {
        $this->bundle();
        chmod($this->bundled(), 0644);
        $output = $this->pay([]);
        self::assertSame(1, preg_match('/the file is not executable; run: (chmod 755 \'.*\')\. /', $output, $found), $output);
        Process::run(['sh', '-c', $found[1]]);
        self::assertStringContainsString('[path] => ' . $this->bundled(), $this->pay([]));
    }

    public function testAFileOfAnotherUser(): void
    {
        self::assertSame(0, posix_geteuid(), 'this test must run as root');
        $this->bundle();
        chmod($this->bundled(), 0700);
        $user = ['setpriv', '--reuid=www-data', '--regid=www-data', '--clear-groups'];
        $output = $this->pay([], [], [], $user);
        self::assertStringContainsString('the user www-data may not execute it', $output);
        chmod(dirname($this->bundled()), 0700);
        $output = $this->pay([], [], [], $user);
        self::assertStringContainsString('the user www-data may not see it', $output);
    }

    public function testAFileSystemWithoutExecution(): void
    {
        self::assertSame(0, posix_geteuid(), 'this test must run as root');
        $this->bundle();
        $mount = 'mount --bind "$0" "$0" && mount -o remount,bind,noexec "$0" && exec "$@"';
        $prefix = ['unshare', '--mount', 'sh', '-c', $mount, $this->directory->path];
        $output = $this->pay([], [], [], $prefix);
        self::assertStringContainsString('or its file system is mounted with noexec; copy the program', $output);
        $output = $this->pay(['program' => self::program()], [], [], $prefix);
        self::assertStringContainsString('[path] => ' . self::program(), $output);
    }

    /** Nothing is written: not next to the program, and not into a directory for temporary files. */
    public function testAReadOnlyFileSystem(): void
    {
        self::assertSame(0, posix_geteuid(), 'this test must run as root');
        $this->bundle();
        $mount = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && ! touch "$0/x" 2>/dev/null && exec "$@"';
        $user = ['setpriv', '--reuid=www-data', '--regid=www-data', '--clear-groups'];
        $prefix = array_merge(['unshare', '--mount', 'sh', '-c', $mount, sys_get_temp_dir()], $user);
        $output = $this->pay([], [], [], $prefix);
        self::assertStringContainsString('[path] => ' . $this->bundled(), $output);
    }

    // ---- Not the program ------------------------------------------------------------------------

    /** @return iterable<string, array{string, string}> */
    public function otherPrograms(): iterable
    {
        yield 'it ends at once' => ['exit 0', 'ended with status 0 before it replied'];
        yield 'the dynamic linker refuses it' => [
            'echo "flexpay: version GLIBC_2.99 not found" >&2; exit 1',
            'Cannot run STUB: flexpay: version GLIBC_2.99 not found.',
        ];
        yield 'it is something else' => ['cat', 'replied with a line that cannot be read'];
        yield 'it speaks another version' => [
            'while read -r line; do printf \'{"id":%d,"error":{"code":"INVALID","outcome":"NOT_SENT",'
                . '"message":"bridge: version 2"}}\n\' "$(expr "$line" : \'{"id":\([0-9]*\)\')"; done',
            'STUB and this package do not match: bridge: version 2. Update the older of the two.',
        ];
    }

    /** @dataProvider otherPrograms */
    public function testAnotherProgram(string $code, string $message): void
    {
        $stub = $this->directory->path . '/other';
        file_put_contents($stub, "#!/bin/sh\n$code\n");
        chmod($stub, 0755);
        $output = $this->pay(['program' => $stub]);
        self::assertStringStartsWith('FlexPay\Exception\LibraryException UNUSABLE: ', $output);
        self::assertStringContainsString(str_replace('STUB', $stub, $message), $output);
        self::assertSame([], $this->sandbox->requests());
    }

    public function testAFileThatIsNotAProgram(): void
    {
        $file = $this->directory->path . '/text';
        file_put_contents($file, 'neither');
        chmod($file, 0755);
        $output = $this->pay(['program' => $file], [], ['-d', 'display_errors=1']);
        self::assertStringStartsWith('FlexPay\Exception\LibraryException UNUSABLE: ', $output);
        self::assertStringContainsString("Cannot run $file: ", $output);
    }
}
