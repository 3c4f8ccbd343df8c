<?php

declare(strict_types=1);

namespace FlexPay\Tests;

use FlexPay\Exception\FlexPayException;
use FlexPay\Internal\LoadErrors;
use FlexPay\Internal\Path;
use FlexPay\Internal\Platform;
use FlexPay\Tests\Support\TemporaryDirectory;
use PHPUnit\Framework\TestCase;

/** Which bundled files a PHP uses, and the paths of Windows. */
final class PlatformTest extends TestCase
{
    private const GLIBC = '/lib64/ld-linux-x86-64.so.2';
    private const HARD_FLOAT = '/lib/ld-linux-armhf.so.3';

    /** @return iterable<string, array{string|null, string, string, int, string}> */
    public function platforms(): iterable
    {
        yield 'Debian' => ['linux-x86_64', 'Linux', 'x86_64', 8, self::GLIBC];
        yield 'Debian, the C library is not known' => ['linux-x86_64', 'Linux', 'x86_64', 8, ''];
        yield 'NixOS' => ['linux-x86_64', 'Linux', 'x86_64', 8, '/nix/store/x-glibc-2.38/lib/ld-linux-x86-64.so.2'];
        yield 'Debian on ARM' => ['linux-aarch64', 'Linux', 'aarch64', 8, '/lib/ld-linux-aarch64.so.1'];
        yield 'Raspberry Pi OS' => ['linux-armv7', 'Linux', 'armv7l', 4, self::HARD_FLOAT];
        yield 'the same on a 64 bit kernel' => ['linux-armv7', 'Linux', 'aarch64', 4, self::HARD_FLOAT];
        yield 'the same in a 32 bit container' => ['linux-armv7', 'Linux', 'armv8l', 4, self::HARD_FLOAT];
        yield 'the same with open_basedir' => ['linux-armv7', 'Linux', 'armv7l', 4, ''];
        yield 'Alpine' => ['linux-musl-x86_64', 'Linux', 'x86_64', 8, '/lib/ld-musl-x86_64.so.1'];
        yield 'Alpine on ARM' => ['linux-musl-aarch64', 'Linux', 'aarch64', 8, '/lib/ld-musl-aarch64.so.1'];
        yield 'Windows' => ['windows-x86_64', 'Windows', 'AMD64', 8, ''];
        yield 'a 32 bit PHP on Windows' => ['windows-i686', 'Windows', 'i586', 4, ''];
        yield 'the same on a 64 bit Windows' => ['windows-i686', 'Windows', 'AMD64', 4, ''];

        yield 'a 32 bit PHP on a 64 bit PC' => [null, 'Linux', 'x86_64', 4, '/lib/ld-linux.so.2'];
        yield 'a 32 bit PC' => [null, 'Linux', 'i686', 4, '/lib/ld-linux.so.2'];
        yield 'Alpine on a 32 bit ARM' => [null, 'Linux', 'armv7l', 4, '/lib/ld-musl-armhf.so.1'];
        yield 'Debian armel' => [null, 'Linux', 'armv7l', 4, '/lib/ld-linux.so.3'];
        yield 'a Raspberry Pi Zero' => [null, 'Linux', 'armv6l', 4, self::HARD_FLOAT];
        yield 'IBM Power' => [null, 'Linux', 'ppc64le', 8, '/lib64/ld64.so.2'];
        yield 'Alpine on RISC-V' => [null, 'Linux', 'riscv64', 8, '/lib/ld-musl-riscv64.so.1'];
        yield 'a Mac' => [null, 'Darwin', 'arm64', 8, ''];
        yield 'FreeBSD' => [null, 'BSD', 'amd64', 8, '/libexec/ld-elf.so.1'];
        yield 'another system' => [null, 'Unknown', 'x86_64', 8, ''];
    }

    /** @dataProvider platforms */
    public function testThePlatform(
        ?string $name,
        string $family,
        string $machine,
        int $intSize,
        string $interpreter
    ): void {
        self::assertSame($name, Platform::of($family, $machine, $intSize, $interpreter));
    }

    public function testEachPlatformIsTested(): void
    {
        $tested = array_unique(array_filter(array_column(iterator_to_array($this->platforms()), 0)));
        self::assertEqualsCanonicalizing(Platform::NAMES, array_values($tested));
    }

    public function testTheBundledFilesOfThisSystem(): void
    {
        $folder = dirname(__DIR__, 2) . '/lib/' . Platform::name();
        self::assertContains(Platform::name(), Platform::NAMES);
        self::assertSame("$folder/libflexpay.so", Platform::library());
        self::assertSame("$folder/flexpay", Platform::program());
    }

    public function testTheMessageForAnotherSystem(): void
    {
        foreach (['library' => 'FLEXPAY_LIBRARY', 'program' => 'FLEXPAY_PROGRAM'] as $file => $variable) {
            $failure = LoadErrors::noPlatform($file, 'Darwin, arm64, 64 bit PHP');
            self::assertSame(FlexPayException::OUTCOME_UNUSABLE, $failure->getOutcome());
            $message = $failure->getMessage();
            self::assertStringContainsString("no $file for this system (Darwin, arm64, 64 bit PHP)", $message);
            self::assertStringContainsString(implode(', ', Platform::NAMES), $message);
            self::assertStringContainsString("\"$file\" option or the environment variable $variable.", $message);
        }
        self::assertStringStartsWith('Linux, ' . php_uname('m') . ', 64 bit PHP, /lib', Platform::description());
    }

    // ---- The dynamic linker ---------------------------------------------------------------------

    public function testTheInterpreterOfThisPhp(): void
    {
        $interpreter = (string) Platform::interpreterOf(PHP_BINARY);
        self::assertFileExists($interpreter);
        self::assertSame($interpreter, Platform::interpreterOf('/proc/self/exe'));
        // A script is no executable file of the system; a library is not started.
        self::assertSame('', Platform::interpreterOf(__FILE__));
        self::assertSame('', Platform::interpreterOf((string) getenv('FLEXPAY_LIBRARY')));
        self::assertNull(Platform::interpreterOf('/nowhere/php'));
    }

    /** An ELF file with two program headers, whose second one names the interpreter. */
    private static function elf(bool $is64, string $interpreter, int $type = 3): string
    {
        $length = strlen($interpreter) + 1;
        $identification = "\x7fELF" . chr($is64 ? 2 : 1) . "\1\1" . str_repeat("\0", 9);
        if ($is64) {
            $header = $identification . pack('vvVPPPVvvvvvv', 3, 62, 1, 0, 80, 0, 0, 64, 56, 2, 64, 0, 0);
            $other = pack('VVPPPPPP', 6, 4, 80, 0, 0, 112, 112, 8);
            $named = pack('VVPPPPPP', $type, 4, 300, 0, 0, $length, $length, 1);
        } else {
            $header = $identification . pack('vvVVVVVvvvvvv', 3, 40, 1, 0, 80, 0, 0, 52, 32, 2, 40, 0, 0);
            $other = pack('V8', 6, 80, 0, 0, 64, 64, 4, 4);
            $named = pack('V8', $type, 300, 0, 0, $length, $length, 4, 1);
        }

        return str_pad(str_pad($header, 80, "\0") . $other . $named, 300, "\0") . "$interpreter\0more";
    }

    public function testTheInterpreterOfAnyExecutableFile(): void
    {
        $directory = new TemporaryDirectory();
        $of = static function (string $content) use ($directory): ?string {
            file_put_contents("$directory->path/php", $content);

            return Platform::interpreterOf("$directory->path/php");
        };
        self::assertSame('/lib/ld-musl-x86_64.so.1', $of(self::elf(true, '/lib/ld-musl-x86_64.so.1')));
        self::assertSame(self::HARD_FLOAT, $of(self::elf(false, self::HARD_FLOAT)));
        self::assertSame('', $of(self::elf(true, '/lib/x', 4)), 'linked statically');
        // Damaged files.
        self::assertSame('', $of(''));
        foreach ([true, false] as $is64) {
            $whole = self::elf($is64, '/lib/ld.so');
            for ($length = 0; $length < strlen($whole); $length++) {
                $found = (string) $of(substr($whole, 0, $length));
                self::assertSame(substr('/lib/ld.so', 0, strlen($found)), $found);
            }
        }
    }

    // ---- Paths ----------------------------------------------------------------------------------

    /** @return iterable<array{string, string}> */
    public function windowsPaths(): iterable
    {
        yield ['C:\xampp\flexpay.dll', 'C:\xampp\flexpay.dll'];
        yield ['d:/shop/flexpay.dll', 'd:\shop\flexpay.dll'];
        yield ['\\\\server\share\flexpay.dll', '\\\\server\share\flexpay.dll'];
        yield ['//server/share/flexpay.dll', '\\\\server\share\flexpay.dll'];
        yield ['\\\\?\C:\shop\flexpay.dll', '\\\\?\C:\shop\flexpay.dll'];
        yield ['C:\Boutique à Kinshasa\flexpay.dll', 'C:\Boutique à Kinshasa\flexpay.dll'];
        yield ['\lib\flexpay.dll', 'C:\lib\flexpay.dll'];
        yield ['/lib/flexpay.dll', 'C:\lib\flexpay.dll'];
        yield ['flexpay.dll', 'C:\xampp\htdocs\flexpay.dll'];
        yield ['lib/flexpay.dll', 'C:\xampp\htdocs\lib\flexpay.dll'];
        yield ['..\flexpay.dll', 'C:\xampp\htdocs\..\flexpay.dll'];
        yield ['cc:\flexpay.dll', 'C:\xampp\htdocs\cc:\flexpay.dll'];
    }

    /** @dataProvider windowsPaths */
    public function testAPathOfWindowsBecomesAbsolute(string $path, string $absolute): void
    {
        self::assertSame($absolute, Path::absolute($path, 'C:\xampp\htdocs', 'Windows'));
        self::assertSame($absolute, Path::absolute($path, 'C:/xampp/htdocs', 'Windows'));
    }

    public function testAPathStartsAtTheRootOfTheDriveOrTheShare(): void
    {
        self::assertSame('C:\flexpay.dll', Path::absolute('flexpay.dll', 'C:\\', 'Windows'));
        self::assertSame('\\\\nas\shop\lib\x.dll', Path::absolute('\lib\x.dll', '\\\\nas\shop\pages', 'Windows'));
        self::assertSame('\\\\nas\shop\pages\x.dll', Path::absolute('x.dll', '\\\\nas\shop\pages', 'Windows'));
    }

    public function testAPathOfOtherSystemsBecomesAbsolute(): void
    {
        foreach (['Linux', 'Darwin'] as $family) {
            self::assertSame('/lib/x.so', Path::absolute('/lib/x.so', '/shop', $family));
            self::assertSame('/shop/x.so', Path::absolute('x.so', '/shop', $family));
            self::assertSame('/shop/C:\x.so', Path::absolute('C:\x.so', '/shop', $family));
        }
    }
}
