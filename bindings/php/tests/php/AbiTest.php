<?php

declare(strict_types=1);

namespace FlexPay\Tests;

use FFI;
use FlexPay\Exception\FlexPayException;
use FlexPay\Internal\Abi;
use FlexPay\Internal\Names;
use FlexPay\Tests\Support\Process;
use FlexPay\Tests\Support\TemporaryDirectory;
use FlexPay\Transaction;
use PHPUnit\Framework\TestCase;

/**
 * PHP declares the same constants, structs and functions as the C header.
 *
 * Over FFI only: it calls the library.
 *
 * @group ffi
 */
final class AbiTest extends TestCase
{
    private const ROOT = __DIR__ . '/../../../..';

    private static function header(): string
    {
        return (string) file_get_contents(self::ROOT . '/include/flexpay.h');
    }

    private static function plainHeader(): string
    {
        return (string) file_get_contents(__DIR__ . '/../../flexpay.ffi.h');
    }

    /** @return array<string, list<string>> the fields of each struct of a header */
    private static function structs(string $header): array
    {
        $header = (string) preg_replace('~//.*~', '', $header);
        preg_match_all('/^typedef struct (\w+) \{(.*?)^\}/sm', $header, $found, PREG_SET_ORDER);
        $structs = [];
        foreach ($found as [, $name, $body]) {
            preg_match_all('/(\w+);/', $body, $fields);
            $structs[$name] = $fields[1];
        }

        return $structs;
    }

    public function testConstantsEqualTheHeader(): void
    {
        preg_match_all('/^#define FLEXPAY_(\w+) (\d+)$/m', self::header(), $found);
        $header = array_map('intval', array_combine($found[1], $found[2]));
        unset($header['VERSION_MAJOR'], $header['VERSION_MINOR'], $header['VERSION_PATCH']);
        $php = (new \ReflectionClass(Abi::class))->getConstants();
        unset($php['FIELDS'], $php['STATES']);
        ksort($header);
        ksort($php);
        self::assertSame($header, $php);
        self::assertGreaterThan(30, count($php));
    }

    public function testThePlainHeaderEqualsTheHeader(): void
    {
        // flexpay.h without comments, C++ and macros.
        $header = (string) preg_replace(['~/\*.*?\*/~s', '~//.*~'], '', self::header());
        $header = (string) preg_replace('/^#ifdef __cplusplus$.*?^#endif.*?$/sm', '', $header);
        $header = (string) preg_replace('/^#.*$/m', '', $header);
        $tokens = static function (string $text): array {
            return preg_split('/\s+|(?<=\W)|(?=\W)/', $text, -1, PREG_SPLIT_NO_EMPTY) ?: [];
        };
        self::assertSame($tokens($header), $tokens(self::plainHeader()));
        self::assertStringNotContainsString('#', self::plainHeader());
        self::assertSame("\n", substr(self::plainHeader(), -1));
    }

    public function testTheStructLayoutEqualsTheCCompilers(): void
    {
        $lines = '';
        foreach (self::structs(self::header()) as $struct => $fields) {
            $lines .= "printf(\"$struct %zu\\n\", sizeof($struct));\n";
            foreach ($fields as $field) {
                $lines .= "printf(\"$struct.$field %zu\\n\", offsetof($struct, $field));\n";
            }
        }
        $directory = new TemporaryDirectory();
        file_put_contents(
            $directory->path . '/layout.c',
            "#include <flexpay.h>\n#include <stdio.h>\nint main(void) {\n{$lines}return 0;\n}\n"
        );
        [$status, $output] = Process::run(['cc', '-I' . self::ROOT . '/include', '-o', $directory->path . '/layout',
            $directory->path . '/layout.c']);
        self::assertSame(0, $status, $output);
        [$status, $layout] = Process::run([$directory->path . '/layout']);
        self::assertSame(0, $status);

        $ffi = FFI::cdef(self::plainHeader(), (string) getenv('FLEXPAY_LIBRARY'));
        foreach (explode("\n", trim($layout)) as $line) {
            [$name, $number] = explode(' ', $line);
            [$struct, $field] = explode('.', $name) + [1 => null];
            $php = $field === null ? FFI::sizeof($ffi->type($struct)) : self::offset($ffi, $struct, $field);
            self::assertSame((int) $number, $php, $name);
        }
    }

    /** The offset of a field: writes to it and finds the first byte that changed. */
    private static function offset(FFI $ffi, string $struct, string $field): int
    {
        $object = $ffi->new($struct);
        $bytes = $ffi->cast('uint8_t[' . FFI::sizeof($object) . ']', $object);
        try {
            $object->$field = -1;
        } catch (FFI\Exception $pointer) {
            $types = ['cancel' => 'flexpay_cancel_token *', 'expected' => 'flexpay_expected *',
                'items' => 'flexpay_settlement **'];
            $object->$field = $ffi->cast($types[$field] ?? 'char *', -1);
        }
        for ($offset = 0; $offset < FFI::sizeof($object); $offset++) {
            if ($bytes[$offset] === 255) {
                return $offset;
            }
        }
        self::fail("$struct.$field was not found");
    }

    public function testEveryFieldIsUsed(): void
    {
        $structs = self::structs(self::header());
        self::assertSame($structs, Abi::FIELDS);
        $client = (new \ReflectionClass(\FlexPay\Client::class))->getConstants();
        $numbers = ['size', 'environment', 'api', 'timeout_ms', 'connect_timeout_ms', 'flags'];
        self::assertSame(array_values(array_diff($structs['flexpay_config'], $numbers)), $client['STRING_OPTIONS']);
        $request = new \FlexPay\PaymentRequest('r', 1, 'CDF');
        self::assertSame(array_slice($structs['flexpay_payment_request'], 1), array_keys($request->toArray()));
        $mobile = new \FlexPay\MobileRequest('r', 1, 'CDF', '0812345678', 'https://shop.example/');
        self::assertSame(array_slice($structs['flexpay_mobile_request'], 1), array_keys($mobile->toArray()));
        $payout = new \FlexPay\PayoutRequest('r', 1, 'CDF', '0812345678', 'https://shop.example/');
        self::assertSame(array_slice($structs['flexpay_payout_request'], 1), array_keys($payout->toArray()));
        $expected = new \FlexPay\Expected('r', 1, 'CDF');
        self::assertSame(array_slice($structs['flexpay_expected'], 1), array_keys($expected->toArray()));
        $settlement = new \ReflectionClass(\FlexPay\Settlement::class);
        preg_match_all('/^ \*     (\w+): /m', (string) $settlement->getDocComment(), $fields);
        self::assertEqualsCanonicalizing($structs['flexpay_settlement'], $fields[1]);
        $options = new \FlexPay\WaitOptions();
        self::assertSame(
            array_slice($structs['flexpay_wait_options'], 1),
            array_merge(array_keys($options->getTimes()), ['cancel', 'expected', 'correlation_id'])
        );
    }

    public function testNamesEqualTheLibrarys(): void
    {
        $ffi = FFI::cdef(self::plainHeader(), (string) getenv('FLEXPAY_LIBRARY'));
        $abi = (new \ReflectionClass(Abi::class))->getConstants();
        $states = (new \ReflectionClass(Transaction::class))->getConstants();
        $outcomes = (new \ReflectionClass(FlexPayException::class))->getConstants();
        unset($outcomes['OUTCOME_UNUSABLE']); // only this package has it, not the library
        $entries = (new \ReflectionClass(\FlexPay\Settlement::class))->getConstants();
        $seen = 0;
        unset($abi['FIELDS']);
        foreach ($abi as $name => $number) {
            if (strncmp($name, 'STATE_', 6) === 0) {
                self::assertSame($ffi->flexpay_state_name($number), $states[$name]);
                $seen++;
            }
            if (strncmp($name, 'ENTRY_', 6) === 0) {
                self::assertSame($ffi->flexpay_entry_state_name($number), $entries['STATE_' . substr($name, 6)]);
                $seen++;
            }
            if (strncmp($name, 'OUTCOME_', 8) === 0) {
                self::assertSame($ffi->flexpay_outcome_name($number), $outcomes[$name]);
                $seen++;
            }
            if (strncmp($name, 'ERROR_', 6) === 0) {
                self::assertSame($ffi->flexpay_result_name($number), substr($name, 6));
            }
        }
        self::assertSame(count($states) + count($outcomes) + count($entries), $seen);
        self::assertSame(count($states), count(Abi::STATES));
    }

    public function testEveryKindHasItsNumber(): void
    {
        $seen = 0;
        foreach ((new \ReflectionClass(\FlexPay\Expected::class))->getReflectionConstants() as $constant) {
            if ($constant->isPublic()) {
                $expected = new \FlexPay\Expected('r', 1, 'CDF', null, null, $constant->getValue());
                self::assertSame($constant->getValue(), $expected->getKind());
                $number = Names::KINDS[$expected->toArray()['kind']];
                self::assertSame(constant(Abi::class . '::' . $constant->getName()), $number);
                $seen++;
            }
        }
        $kinds = array_filter(array_keys((new \ReflectionClass(Abi::class))->getConstants()), static function ($name) {
            return strncmp($name, 'KIND_', 5) === 0;
        });
        self::assertSame(count($kinds), $seen);
        self::assertCount($seen, Names::KINDS);
    }

    public function testEveryFlagEnvironmentApiAndFilterHasItsName(): void
    {
        $expected = [];
        foreach ((new \ReflectionClass(Abi::class))->getConstants() as $name => $number) {
            if (preg_match('/^(FLAG|ENV|API)_(\w+)$/', $name, $found) === 1) {
                $expected[$found[1]][str_replace('v1_1', 'v1.1', strtolower($found[2]))] = $number;
            }
            if (preg_match('/^JOURNAL_(\w+)$/', $name, $found) === 1) {
                self::assertSame($found[1], constant(\FlexPay\Client::class . '::' . $name));
                $expected['JOURNAL'][$found[1]] = $number;
            }
        }
        self::assertSame($expected, ['ENV' => Names::ENVIRONMENTS, 'API' => Names::APIS, 'JOURNAL' => Names::FILTERS,
            'FLAG' => Names::FLAGS]);
        foreach (Names::RESOLUTIONS as $name => $number) {
            self::assertSame(constant(Abi::class . '::ENTRY_' . $name), $number);
        }
    }

    public function testOnlyThreeClassesUseFfi(): void
    {
        $files = array_merge(glob(__DIR__ . '/../../src/*.php') ?: [], glob(__DIR__ . '/../../src/*/*.php') ?: []);
        foreach ($files as $file) {
            $uses = preg_match('/\bFFI(::|\\\\)/', (string) file_get_contents($file)) === 1;
            $allowed = in_array(basename($file), ['Library.php', 'Loader.php', 'Structs.php'], true);
            self::assertSame($allowed, $uses, $file);
        }
    }
}
