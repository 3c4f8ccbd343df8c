<?php

declare(strict_types=1);

namespace FlexPay\Tests;

use FlexPay\Client;
use FlexPay\Exception\InvalidArgumentException;
use FlexPay\MobileRequest;
use FlexPay\PayoutRequest;
use FlexPay\Phone;
use PHPUnit\Framework\TestCase;

/** Phone numbers reach the core unchanged, and so do its errors. (The rules: tests/vectors.) */
final class PhoneTest extends TestCase
{
    /** @return iterable<string, array{string}> */
    public function numbers(): iterable
    {
        foreach (
            ['243812345678', '+243812345678', '00243812345678', '0812345678', ' +243 (81) 234.56-78 ',
                "081\u{a0}234\u{202f}56\u{2011}78"] as $number
        ) {
            yield $number => [$number];
        }
    }

    /** @dataProvider numbers */
    public function testANumberAsPeopleWriteIt(string $number): void
    {
        self::assertSame('243812345678', Phone::normalize($number));
    }

    /** @return iterable<string, array{string, string}> */
    public function invalidNumbers(): iterable
    {
        yield 'empty' => ['', 'missing'];
        yield 'of another country' => ['+33 6 12 34 56 78', '+243'];
        yield 'without its first 0' => ['812345678', '+243'];
        yield 'too short' => ['081234567', '8 digits'];
        yield 'too long' => ['08123456789', '10 digits'];
        yield 'with a letter' => ['081234567O', "'O'"];
        yield 'with a 0 too much' => ['+243 0812345678', '0 too much'];
        yield 'a NUL' => ["0812345678\0", 'NUL'];
        yield 'not UTF-8' => ["0812345678\xff", 'UTF-8'];
        yield 'a mebibyte' => [str_repeat('0', 1 << 20), 'phone'];
    }

    /** @dataProvider invalidNumbers */
    public function testTheErrorSaysWhatIsWrong(string $number, string $problem): void
    {
        $client = new Client(['merchant' => 'ZANDO', 'token' => 'x', 'allow_payout' => true]);
        $calls = [
            static function () use ($number): void {
                Phone::normalize($number);
            },
            static function () use ($client, $number): void {
                $client->payMobile(new MobileRequest('r', 1, 'CDF', $number, 'https://shop.example/'));
            },
            static function () use ($client, $number): void {
                $client->payout(new PayoutRequest('r', 1, 'CDF', $number, 'https://shop.example/'));
            },
        ];
        foreach ($calls as $call) {
            try {
                $call();
                self::fail('the number was accepted');
            } catch (InvalidArgumentException $refused) {
                self::assertSame('phone', $refused->getField());
                self::assertSame('NOT_SENT', $refused->getOutcome());
                self::assertStringContainsString($problem, $refused->getMessage());
            }
        }
    }
}
