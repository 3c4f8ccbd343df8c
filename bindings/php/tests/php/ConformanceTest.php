<?php

declare(strict_types=1);

namespace FlexPay\Tests;

use FlexPay\Tests\Support\Process;
use FlexPay\Tests\Support\Sandbox;
use PHPUnit\Framework\TestCase;

/** Runs the shared vectors with conformance.php; the project compares its output with other languages. */
final class ConformanceTest extends TestCase
{
    private const VECTORS = __DIR__ . '/../../../../tests/vectors';

    public function testEveryCaseReturnsTheExpectedResult(): void
    {
        $sandbox = new Sandbox(['--vectors', self::VECTORS]);
        $transport = ini_get('ffi.enable') === '0' ? 'program' : 'ffi';
        $runner = [PHP_BINARY, __DIR__ . '/../conformance.php', $transport, self::VECTORS, $sandbox->url()];
        [$status, $output] = Process::run($runner);
        self::assertSame(0, $status, $output);
        // The forgery cases need orders that only "make conformance" creates in its sandbox.
        $lines = array_values(array_filter(
            explode("\n", trim($output)),
            static fn (string $line): bool => strpos($line, '{"case":"forgery/') !== 0
        ));

        foreach (['callback', 'check', 'pay', 'mobile', 'payout', 'phone', 'states', 'journal'] as $file) {
            $text = (string) file_get_contents(self::VECTORS . "/$file.json");
            foreach (json_decode($text, true)['cases'] as $case) {
                $name = "$file/" . $case['name'];
                $line = json_decode((string) array_shift($lines), true);
                self::assertSame($name, $line['case']);
                foreach ($case['expect'] as $kind => $expected) {
                    self::assertArrayHasKey($kind, $line['result'], $name);
                    $got = $line['result'][$kind];
                    foreach ($expected as $field => $value) {
                        $found = $got[$field];
                        if (is_string($value) && strpos($value, '$GATEWAY/') === 0) {
                            // $GATEWAY stands for the URL of the server.
                            $found = preg_replace('~^http://127\.0\.0\.1:\d+~', '$GATEWAY', $found);
                        }
                        // In JSON the order of an object's fields has no meaning.
                        if (is_array($value)) {
                            ksort($value);
                            ksort($found);
                        }
                        self::assertSame($value, $found, "$name: $field");
                    }
                }
            }
        }
        self::assertSame([], $lines);
        $sandbox->stop();
    }
}
