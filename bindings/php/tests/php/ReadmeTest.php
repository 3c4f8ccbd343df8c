<?php

declare(strict_types=1);

namespace FlexPay\Tests;

use FlexPay\Exception\MismatchException;
use FlexPay\Tests\Support\Folder;
use FlexPay\Tests\Support\Http;
use FlexPay\Tests\Support\Process;
use FlexPay\Tests\Support\SandboxTestCase;

/** What the README shows, works, as it stands there. */
final class ReadmeTest extends SandboxTestCase
{
    private static function text(): string
    {
        return (string) file_get_contents(__DIR__ . '/../../README.md');
    }

    /** @return list<string> */
    private static function blocks(string $kind): array
    {
        preg_match_all('/^```' . $kind . '\n(.*?)^```$/sm', self::text(), $found);

        return $found[1];
    }

    public function testThePaymentIsTaken(): void
    {
        $folder = new Folder();
        symlink((string) realpath(__DIR__ . '/../..'), $folder->path . '/php');
        file_put_contents($folder->path . '/shop.php', self::blocks('php')[0]);
        self::assertSame(1, preg_match('/^\$ php (-d .*)127\.0\.0\.1:8080$/m', self::blocks('console')[1], $found));
        $port = Http::freePort();
        $server = new Process(
            ['sh', '-c', "cd {$folder->path} && exec " . PHP_BINARY . " {$found[1]}127.0.0.1:$port"],
            $this->sandbox->environment() + getenv(),
            $folder->path . '/log'
        );
        $server->await(static function () use ($port): bool {
            return Http::accepts("tcp://127.0.0.1:$port");
        }, 'the server of PHP');
        $context = stream_context_create(['http' => ['follow_location' => 0]]);
        file_get_contents("http://127.0.0.1:$port/shop.php", false, $context);
        $server->stop();
        self::assertStringStartsWith('TEST-', $this->sandbox->payments()[0]['reference']);
        self::assertContains('Location: ' . $this->sandbox->payments()[0]['checkout_url'], $http_response_header);
    }

    public function testTheSettingsMakeAClient(): void
    {
        $this->runBlock(1, '$token = "x";', 'echo get_class($client);', 'FlexPay\Client');
    }

    /** @return iterable<string, array{string, string}> */
    public function decisions(): iterable
    {
        yield 'paid' => ['approve', 'PAID'];
        yield 'declined' => ['decline', 'FAILED'];
        yield 'cancelled' => ['cancel', 'CANCELLED'];
    }

    /** @dataProvider decisions */
    public function testEveryStateIsWrittenDown(string $decision, string $state): void
    {
        $request = $this->request();
        $number = (string) $this->client()->pay($request)->getOrderNumber();
        $this->sandbox->decide($number, $decision);
        $reference = $this->sandbox->payments()[0]['reference'];
        $order = ['reference' => $reference, 'amount' => '25.50', 'currency' => 'USD', 'order_number' => $number,
            'state' => 'PENDING'];
        $notice = json_encode(['code' => '0', 'reference' => $reference, 'orderNumber' => $number]);
        $before = '$client = Client::fromEnvironment(); $order = ' . var_export($order, true) . ';';
        $this->runBlock(2, $before, 'echo $order["state"];', $state, (string) $notice);
    }

    /** Runs a block that needs what stands before it, with $body as what was posted. */
    private function runBlock(int $n, string $before, string $after, string $said, string $body = ''): void
    {
        $folder = new Folder();
        $code = str_replace("'php://input'", var_export($folder->path . '/body', true), self::blocks('php')[$n]);
        file_put_contents($folder->path . '/body', $body);
        file_put_contents($folder->path . '/block.php', '<?php require '
            . var_export(__DIR__ . '/../../autoload.php', true) . ";\nuse FlexPay\\Client;\n$before\n$code\n$after");
        [$status, $words] = Process::run(
            [PHP_BINARY, $folder->path . '/block.php'],
            $this->sandbox->environment() + getenv()
        );
        self::assertSame(0, $status, $words);
        self::assertSame($said, $words);
    }

    public function testTheSecretIsGoodAndItsAddressIsOfNoUseForAnotherOrder(): void
    {
        $command = str_replace('$ php', PHP_BINARY, trim(self::blocks('console')[2]));
        [$status, $secret] = Process::run(['sh', '-c', $command]);
        self::assertSame(0, $status, $secret);
        $secret = trim($secret);
        self::assertMatchesRegularExpression('/^[0-9a-f]{64}$/', $secret);
        $client = $this->client(['callback_secret' => $secret]);
        $number = (string) $client->pay($this->request())->getOrderNumber();
        $payment = $this->sandbox->payments()[0];
        $query = (string) parse_url($payment['callback_url'], PHP_URL_QUERY);
        $body = (string) json_encode(['code' => '0', 'reference' => $payment['reference'], 'orderNumber' => $number]);
        $expected = static function (string $amount, string $query) use ($payment, $number): \FlexPay\Expected {
            return new \FlexPay\Expected($payment['reference'], $amount, 'USD', $number, $query);
        };
        self::assertSame('PENDING', $client->verifyCallback($body, $expected('25.50', $query))->getState());
        $asked = count($this->sandbox->requests());
        foreach ([['25.50', ''], ['25.50', 'signature=forged'], ['900', $query]] as [$amount, $address]) {
            $failure = self::failure(static function () use ($client, $body, $expected, $amount, $address): void {
                $client->verifyCallback($body, $expected($amount, $address));
            });
            self::assertInstanceOf(MismatchException::class, $failure, $failure->getMessage());
        }
        self::assertCount($asked, $this->sandbox->requests(), 'the gateway was not asked');
        // After a change, the old one is still good as the previous one.
        $changed = $this->client([
            'callback_secret' => strrev($secret),
            'callback_secret_previous' => $secret,
        ]);
        self::assertSame('PENDING', $changed->verifyCallback($body, $expected('25.50', $query))->getState());
    }

    public function testTheIniLinesAreThoseOfTheMessage(): void
    {
        preg_match_all('/^(\S+)=/m', self::blocks('ini')[0], $shown);
        preg_match_all('/^  (\S+)=/m', \FlexPay\Internal\Unusable::remedy('fpm-fcgi'), $said);
        self::assertSame($said[1], $shown[1]);
    }

    public function testEveryBlockIsRun(): void
    {
        self::assertCount(3, self::blocks('php'));
        self::assertCount(3, self::blocks('console'));
        self::assertCount(1, self::blocks('ini'));
    }

    public function testEveryExceptionAndOutcomeIsInATable(): void
    {
        foreach (glob(__DIR__ . '/../../src/Exception/*Exception.php') ?: [] as $file) {
            self::assertStringContainsString(basename($file, '.php') . '`', self::text());
        }
        $names = (new \ReflectionClass(\FlexPay\Exception\FlexPayException::class))->getConstants();
        foreach ($names as $name => $value) {
            if (strpos($name, 'OUTCOME_') === 0) {
                self::assertStringContainsString("| `$value` |", self::text());
            }
        }
    }
}
