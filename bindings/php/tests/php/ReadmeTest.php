<?php

declare(strict_types=1);

namespace FlexPay\Tests;

use FlexPay\Tests\Support\Folder;
use FlexPay\Tests\Support\Process;
use FlexPay\Tests\Support\SandboxTestCase;

/** What the README shows, works. */
final class ReadmeTest extends SandboxTestCase
{
    /** @return list<string> */
    private static function blocks(): array
    {
        preg_match_all('/^```php\n(.*?)^```$/sm', (string) file_get_contents(__DIR__ . '/../../README.md'), $found);

        return $found[1];
    }

    public function testThePaymentIsTaken(): void
    {
        $options = var_export($this->sandbox->options(), true);
        $code = str_replace("new Client([", "new Client($options + [", self::blocks()[0], $count);
        self::assertSame(1, $count);
        $folder = new Folder();
        file_put_contents(
            $folder->path . '/shop.php',
            '<?php require ' . var_export(__DIR__ . '/../../autoload.php', true) . '; $token = "x";'
            . str_replace('use FlexPay', "\nuse FlexPay", $code)
            . ' echo headers_sent() ? "sent" : $payment->getRedirectUrl();'
        );
        [$status, $words] = Process::run([PHP_BINARY, $folder->path . '/shop.php']);
        self::assertSame(0, $status, $words);
        self::assertSame($this->sandbox->payments()[0]['checkout_url'], $words);
        self::assertSame('INVOICE-0017', $this->sandbox->payments()[0]['reference']);
    }

    public function testEveryBlockIsPhp(): void
    {
        $folder = new Folder();
        foreach (self::blocks() as $n => $code) {
            file_put_contents($folder->path . "/$n.php", "<?php\n$code");
            [$status, $words] = Process::run([PHP_BINARY, '-l', $folder->path . "/$n.php"]);
            self::assertSame(0, $status, $words);
        }
        self::assertCount(2, self::blocks());
    }

    public function testEveryExceptionIsInTheTable(): void
    {
        $text = (string) file_get_contents(__DIR__ . '/../../README.md');
        foreach (glob(__DIR__ . '/../../src/Exception/*Exception.php') ?: [] as $file) {
            self::assertStringContainsString(basename($file, '.php') . '`', $text);
        }
    }
}
