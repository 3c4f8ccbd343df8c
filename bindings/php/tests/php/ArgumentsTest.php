<?php

declare(strict_types=1);

namespace FlexPay\Tests;

use FlexPay\Callback;
use FlexPay\CancelToken;
use FlexPay\Client;
use FlexPay\Exception\CallbackException;
use FlexPay\Exception\FlexPayException;
use FlexPay\Exception\InvalidArgumentException;
use FlexPay\Expected;
use FlexPay\MobileRequest;
use FlexPay\Payment;
use FlexPay\PaymentRequest;
use FlexPay\PayoutRequest;
use FlexPay\Phone;
use FlexPay\Reconciliation;
use FlexPay\Settlement;
use FlexPay\Transaction;
use FlexPay\WaitOptions;
use PHPUnit\Framework\TestCase;

/** Invalid arguments are refused before they reach C, and nothing crashes. */
final class ArgumentsTest extends TestCase
{
    private const OPTIONS = ['merchant' => 'ZANDO', 'token' => 'conformance', 'pay_url' => 'http://127.0.0.1:9/',
        'mobile_url' => 'http://127.0.0.1:9/', 'payout_url' => 'http://127.0.0.1:9/payout', 'allow_payout' => true];

    /** The strings of Expected by their place. The kind (5) is tested alone. */
    private const EXPECTED = [
        0 => 'reference', 1 => 'amount', 2 => 'currency', 3 => 'order_number', 4 => 'query', 6 => 'correlation_id',
    ];

    /** @return iterable<string, array{mixed, string}> */
    public function amounts(): iterable
    {
        yield 'float' => [25.5, 'float'];
        yield 'whole float' => [25.0, 'float'];
        yield 'NAN' => [NAN, 'float'];
        yield 'bool' => [true, 'boolean'];
        yield 'null' => [null, 'NULL'];
        yield 'array' => [['25'], 'array'];
        yield 'object' => [new \stdClass(), 'object'];
    }

    /**
     * @dataProvider amounts
     *
     * @param mixed $amount
     */
    public function testAnAmountIsAStringOrAnInt($amount, string $type): void
    {
        $calls = [
            static function () use ($amount): void {
                new PaymentRequest('r', $amount, 'USD');
            },
            static function () use ($amount): void {
                new Expected('r', $amount, 'USD');
            },
            static function () use ($amount): void {
                new MobileRequest('r', $amount, 'USD', '0812345678', 'https://shop.example/');
            },
            static function () use ($amount): void {
                new PayoutRequest('r', $amount, 'USD', '0812345678', 'https://shop.example/');
            },
        ];
        foreach ($calls as $call) {
            $failure = $this->refusal($call, 'amount');
            self::assertStringContainsString($type, $failure->getMessage());
        }
    }

    public function testTheErrorForAFloatGivesTheReason(): void
    {
        $failure = $this->refusal(static function (): void {
            new PaymentRequest('r', 0.1, 'USD');
        }, 'amount');
        self::assertStringContainsString('cannot represent most cents exactly', $failure->getMessage());
    }

    public function testAnIntMeansWholeUnits(): void
    {
        self::assertSame('100', (new PaymentRequest('r', 100, 'USD'))->getAmount());
        self::assertSame('100', (new Expected('r', 100, 'USD'))->getAmount());
        self::assertSame('100', (new MobileRequest('r', 100, 'USD', '0', 'u'))->getAmount());
        self::assertSame('100', (new PayoutRequest('r', 100, 'USD', '0', 'u'))->getAmount());
    }

    /** @return list<string> */
    private static function stringOptions(): array
    {
        return ['merchant', 'token', 'pay_url', 'check_url', 'ca_file', 'proxy', 'app_name', 'callback_secret',
            'callback_secret_previous', 'mobile_url', 'payout_url', 'journal'];
    }

    /** @return iterable<string, array{callable(string): void, string}> a call with a string, and the field's name */
    public function strings(): iterable
    {
        foreach (self::stringOptions() as $name) {
            yield "client, $name" => [static function (string $text) use ($name): void {
                $secret = strpos($name, 'previous') ? ['callback_secret' => 'sixteen characters'] : [];
                new Client([$name => $text] + $secret + self::OPTIONS);
            }, $name];
        }
        $pay = static function (PaymentRequest $request): void {
            (new Client(self::OPTIONS))->pay($request);
        };
        yield 'pay, reference' => [static function (string $text) use ($pay): void {
            $pay(new PaymentRequest($text, 1, 'CDF'));
        }, 'reference'];
        yield 'pay, amount' => [static function (string $text) use ($pay): void {
            $pay(new PaymentRequest('r', $text, 'CDF'));
        }, 'amount'];
        yield 'pay, currency' => [static function (string $text) use ($pay): void {
            $pay(new PaymentRequest('r', 1, $text));
        }, 'currency'];
        foreach (['description', 'callback_url', 'approve_url', 'cancel_url', 'decline_url', 'home_url',
            'correlation_id'] as $name) {
            yield "pay, $name" => [static function (string $text) use ($pay, $name): void {
                $pay(new PaymentRequest('r', 1, 'CDF', [$name => $text]));
            }, $name];
        }
        foreach (['reference', 'amount', 'currency', 'phone', 'callback_url'] as $at => $name) {
            $values = ['r', '1', 'CDF', '0812345678', 'https://shop.example/'];
            yield "pay mobile, $name" => [static function (string $text) use ($values, $at): void {
                (new Client(self::OPTIONS))->payMobile(new MobileRequest(...array_replace($values, [$at => $text])));
            }, $name];
            yield "payout, $name" => [static function (string $text) use ($values, $at): void {
                (new Client(self::OPTIONS))->payout(new PayoutRequest(...array_replace($values, [$at => $text])));
            }, $name];
        }
        foreach (['description', 'approve_url', 'cancel_url', 'decline_url', 'return_url', 'correlation_id'] as $name) {
            yield "pay mobile, $name" => [static function (string $text) use ($name): void {
                $options = [$name => $text];
                $request = new MobileRequest('r', 1, 'CDF', '0812345678', 'https://shop.example/', $options);
                (new Client(self::OPTIONS))->payMobile($request);
            }, $name];
        }
        yield 'payout, correlation_id' => [static function (string $text): void {
            $options = ['correlation_id' => $text];
            $request = new PayoutRequest('r', 1, 'CDF', '0812345678', 'https://shop.example/', $options);
            (new Client(self::OPTIONS))->payout($request);
        }, 'correlation_id'];
        yield 'phone' => [static function (string $text): void {
            Phone::normalize($text);
        }, 'phone'];
        yield 'wait, correlation_id' => [static function (string $text): void {
            $options = ['correlation_id' => $text, 'timeout_ms' => 1];
            (new Client(self::OPTIONS))->wait('77', new WaitOptions($options));
        }, 'correlation_id'];
        yield 'check' => [static function (string $text): void {
            (new Client(self::OPTIONS))->check($text);
        }, 'order_number'];
        yield 'wait' => [static function (string $text): void {
            (new Client(self::OPTIONS))->wait($text, new WaitOptions(['timeout_ms' => 1]));
        }, 'order_number'];
        foreach (self::EXPECTED as $at => $name) {
            yield "verify, $name" => [static function (string $text) use ($at): void {
                $values = ['r', '1', 'CDF', '77', 'flexpay=1.x', Expected::KIND_MOBILE, 'panier-7'];
                $values[$at] = $text;
                $body = '{"code":"0","reference":"r","orderNumber":"77"}';
                (new Client(self::OPTIONS))->verifyCallback($body, new Expected(...$values));
            }, $name];
            yield "verify order, $name" => [static function (string $text) use ($at): void {
                $values = ['r', '1', 'CDF', '77', 'flexpay=1.x', Expected::KIND_MOBILE, 'panier-7'];
                $values[$at] = $text;
                (new Client(self::OPTIONS))->verifyOrder(new Expected(...$values));
            }, $name];
            yield "wait, expected $name" => [static function (string $text) use ($at): void {
                $values = ['r', '1', 'CDF', '77', 'flexpay=1.x', Expected::KIND_MOBILE, 'panier-7'];
                $values[$at] = $text;
                $options = ['expected' => new Expected(...$values), 'timeout_ms' => 1];
                (new Client(self::OPTIONS))->wait('77', new WaitOptions($options));
            }, $name];
        }
    }

    /** @dataProvider strings */
    public function testANulByteIsRefused(callable $call, string $field): void
    {
        foreach (["a\0b", "\0", "a\0"] as $text) {
            $failure = $this->refusal(static function () use ($call, $text): void {
                $call($text);
            }, $field);
            self::assertStringContainsString('NUL', $failure->getMessage());
        }
    }

    /** @dataProvider strings */
    public function testAStringThatIsNotUtf8IsRefused(callable $call, string $field): void
    {
        foreach (["\xff", "caf\xe9", "\xed\xa0\x80", "\xc0\xaf"] as $text) {
            $this->refusal(static function () use ($call, $text): void {
                $call($text);
            }, $field);
        }
    }

    /** @dataProvider strings */
    public function testAMebibyteDoesNotCrash(callable $call, string $field): void
    {
        try {
            $call(str_repeat('é', 1 << 19));
            self::assertNotSame('', $field);
        } catch (FlexPayException $refusedOrNotConnected) {
            self::assertNotSame('', $refusedOrNotConnected->getMessage());
        }
    }

    public function testACallbackBodyMayContainAnyBytes(): void
    {
        foreach (["\0", "{\"code\":\"0\0\"}", "\xff\xfe", '', str_repeat('a', 1 << 20), random_bytes(1000)] as $body) {
            try {
                Callback::parse($body);
                self::fail('the body was accepted');
            } catch (CallbackException $refused) {
                self::assertSame('body', $refused->getField());
            }
        }
    }

    public function testAnUnknownOptionIsRefused(): void
    {
        $calls = [
            'tokken' => static function (): void {
                new Client(['tokken' => 'x'] + self::OPTIONS);
            },
            'callbackUrl' => static function (): void {
                new PaymentRequest('r', 1, 'CDF', ['callbackUrl' => 'https://shop.example/']);
            },
            'home_url' => static function (): void {
                new MobileRequest('r', 1, 'CDF', '0', 'u', ['home_url' => 'https://shop.example/']);
            },
            'description' => static function (): void {
                new PayoutRequest('r', 1, 'CDF', '0', 'u', ['description' => 'x']);
            },
            'timeout' => static function (): void {
                new WaitOptions(['timeout' => 1]);
            },
            '0' => static function (): void {
                new Client(['ZANDO', 'token']);
            },
        ];
        foreach ($calls as $name => $call) {
            $this->refusal($call, (string) $name);
        }
    }

    /** @return iterable<string, array{string, mixed}> */
    public function wrongTypes(): iterable
    {
        foreach (self::stringOptions() as $name) {
            yield "$name an int" => [$name, 1];
            yield "$name an array" => [$name, ['x']];
        }
        foreach (['timeout_ms', 'connect_timeout_ms'] as $name) {
            yield "$name a float" => [$name, 1.5];
            yield "$name a string" => [$name, '1000'];
            yield "$name negative" => [$name, -1];
            yield "$name beyond 32 bits" => [$name, 4294967296];
        }
        yield 'flag an int' => ['allow_plain_http', 1];
        yield 'flag a string' => ['check_once', 'no'];
        yield 'roots a string' => ['system_roots', 'yes'];
        yield 'private a number' => ['private_connections', 1];
        yield 'payout a number' => ['allow_payout', 1];
        yield 'payout a string' => ['allow_payout', '1'];
        yield 'trace a string' => ['trace', 'on'];
        yield 'environment unknown' => ['environment', 'beta'];
        yield 'environment an int' => ['environment', 1];
        yield 'api unknown' => ['api', 'v2'];
        yield 'library an int' => ['library', 1];
    }

    /**
     * @dataProvider wrongTypes
     *
     * @param mixed $value
     */
    public function testAnOptionOfTheWrongTypeIsRefused(string $name, $value): void
    {
        $this->refusal(static function () use ($name, $value): void {
            new Client([$name => $value] + self::OPTIONS);
        }, $name);
    }

    public function testWaitOptionsOfTheWrongTypeAreRefused(): void
    {
        foreach (['timeout_ms', 'interval_ms', 'max_interval_ms', 'failed_grace_ms'] as $name) {
            foreach ([-1, 0, 4294967296, '1', 1.0, true] as $value) {
                $this->refusal(static function () use ($name, $value): void {
                    new WaitOptions([$name => $value]);
                }, $name);
            }
        }
        $this->refusal(static function (): void {
            new WaitOptions(['cancel' => new \stdClass()]);
        }, 'cancel');
        $this->refusal(static function (): void {
            new WaitOptions(['expected' => ['reference' => 'r']]);
        }, 'expected');
    }

    public function testAnOptionOfARequestIsAString(): void
    {
        $calls = [
            'description' => static function ($value): void {
                new PaymentRequest('r', 1, 'CDF', ['description' => $value]);
            },
            'return_url' => static function ($value): void {
                new MobileRequest('r', 1, 'CDF', '0', 'u', ['return_url' => $value]);
            },
            'correlation_id' => static function ($value): void {
                new PayoutRequest('r', 1, 'CDF', '0', 'u', ['correlation_id' => $value]);
            },
        ];
        foreach ($calls as $name => $call) {
            foreach ([1, 1.5, true, ['x'], new \stdClass()] as $value) {
                $this->refusal(static function () use ($call, $value): void {
                    $call($value);
                }, $name);
            }
        }
        $this->refusal(static function (): void {
            new WaitOptions(['correlation_id' => 7]);
        }, 'correlation_id');
    }

    public function testAnUnknownKindIsRefused(): void
    {
        foreach (['', 'mobile', 'CARDS', '1'] as $kind) {
            $failure = $this->refusal(static function () use ($kind): void {
                new Expected('r', 1, 'CDF', '77', null, $kind);
            }, 'kind');
            self::assertStringContainsString('CARD, MOBILE, PAYOUT', $failure->getMessage());
        }
        self::assertSame(Expected::KIND_CARD, (new Expected('r', 1, 'CDF'))->getKind());
    }

    public function testPhpItselfRefusesTheOtherTypes(): void
    {
        $client = new Client(self::OPTIONS);
        $calls = [
            static function () use ($client): void {
                $client->check(...[12]);
            },
            static function () use ($client): void {
                $client->check(...[[]]);
            },
            static function () use ($client): void {
                $client->pay(...[['reference' => 'r']]);
            },
            static function () use ($client): void {
                $client->verifyCallback(...[[], new Expected('r', 1, 'CDF')]);
            },
            static function (): void {
                Callback::parse(...[false]);
            },
            static function (): void {
                new PaymentRequest(...[1, 1, 'CDF']);
            },
            static function () use ($client): void {
                $client->payMobile(...[new PaymentRequest('r', 1, 'CDF')]);
            },
            static function () use ($client): void {
                $client->payout(...[new MobileRequest('r', 1, 'CDF', '0', 'u')]);
            },
            static function (): void {
                new MobileRequest(...['r', 1, 'CDF', 812345678, 'u']);
            },
            static function (): void {
                new Expected(...['r', 1, 'CDF', null, null, 1]);
            },
            static function (): void {
                Phone::normalize(...[812345678]);
            },
        ];
        foreach ($calls as $at => $call) {
            try {
                $call();
                self::fail("call $at");
            } catch (\TypeError $refused) {
                self::assertNotSame('', $refused->getMessage());
            }
        }
    }

    public function testMissingSettingsAreRefused(): void
    {
        $this->refusal(static function (): void {
            new Client([]);
        }, 'token');
        $this->refusal(static function (): void {
            new Client(['token' => 't']);
        }, 'merchant');
        $this->refusal(static function (): void {
            new Client(['merchant' => null, 'token' => 't']);
        }, 'merchant');
    }

    public function testAClientThatWasNotConstructed(): void
    {
        $class = new \ReflectionClass(Client::class);
        self::assertTrue($class->isFinal());
        $this->expectException(FlexPayException::class);
        $class->newInstanceWithoutConstructor()->check('1');
    }

    public function testAnUnknownStateIsRefused(): void
    {
        $transaction = new Transaction($this->fields('PAID'));
        $this->refusal(static function () use ($transaction): void {
            $transaction->mayReplace('paid');
        }, 'recorded');
        self::assertTrue($transaction->mayReplace(Transaction::STATE_PENDING));
        self::assertFalse((new Transaction($this->fields('SOMETHING NEW')))->mayReplace(Transaction::STATE_PENDING));
    }

    public function testLibraryObjectsCannotBeClonedOrSerialized(): void
    {
        foreach ([new Client(self::OPTIONS), new CancelToken()] as $object) {
            try {
                clone $object;
                self::fail('cloned');
            } catch (\Error $refused) {
                self::assertStringContainsString('__clone', $refused->getMessage());
            }
            try {
                serialize($object);
                self::fail('serialized');
            } catch (\LogicException $refused) {
                self::assertStringContainsString('serialized', $refused->getMessage());
            }
        }
        $this->expectException(\LogicException::class);
        unserialize('O:14:"FlexPay\Client":0:{}');
    }

    public function testValueObjectsAreImmutable(): void
    {
        $values = [PaymentRequest::class, MobileRequest::class, PayoutRequest::class, Expected::class, Payment::class,
            Transaction::class, Callback::class, WaitOptions::class, Settlement::class, Reconciliation::class];
        foreach ($values as $value) {
            $class = new \ReflectionClass($value);
            self::assertTrue($class->isFinal());
            foreach ($class->getProperties() as $property) {
                self::assertTrue($property->isPrivate(), $class->getName() . '::' . $property->getName());
            }
            foreach ($class->getMethods(\ReflectionMethod::IS_PUBLIC) as $method) {
                $name = $method->getName();
                self::assertMatchesRegularExpression('/^(__construct|get|is|has|claims|may|parse|toArray|withExpected$|sendToBrowser)/', $name);
            }
        }
    }

    private function refusal(callable $call, string $field): InvalidArgumentException
    {
        try {
            $call();
        } catch (InvalidArgumentException $refused) {
            self::assertSame($field, $refused->getField(), $refused->getMessage());
            self::assertSame('NOT_SENT', $refused->getOutcome());
            self::assertStringStartsWith($field . ': ', $refused->getMessage());

            return $refused;
        }
        self::fail("$field was not refused");
    }

    /** @return array<string, mixed> */
    private function fields(string $state): array
    {
        $names = ['status', 'order_number', 'reference', 'amount', 'amount_customer', 'currency', 'created_at',
            'channel', 'code', 'message', 'raw', 'trace'];

        return ['state' => $state, 'amount_minor' => -1, 'amount_customer_minor' => -1] + array_fill_keys($names, '');
    }
}
