<?php

declare(strict_types=1);

namespace FlexPay\Tests;

use FlexPay\Tests\Support\Process;
use FlexPay\Tests\Support\SandboxTestCase;
use FlexPay\Tests\Support\TemporaryDirectory;

/**
 * The program as a process: how it is started, shared and ended, and what happens when it dies or hangs.
 * Each test runs a script in a PHP of its own, without FFI; tests/script.php has their functions.
 *
 * Over the program only: it is not used with FFI.
 *
 * @group program
 */
final class ProgramTest extends SandboxTestCase
{
    private const FUNCTIONS = __DIR__ . '/../script.php';

    // ---- Helpers --------------------------------------------------------------------------------

    /**
     * The programs that run, without those of this PHP. Waits a moment for those that end.
     *
     * @return list<int>
     */
    public static function running(): array
    {
        for ($end = microtime(true) + 5; true; usleep(20000)) {
            $found = array_values(array_filter(self::programs(), static function (int $pid): bool {
                return self::parent($pid) !== getmypid();
            }));
            if ($found === [] || microtime(true) > $end) {
                return $found;
            }
        }
    }

    /** @return list<int> */
    private static function programs(): array
    {
        $found = [];
        foreach (glob('/proc/[0-9]*/cmdline') ?: [] as $file) {
            if (@file_get_contents($file) === getenv('FLEXPAY_PROGRAM') . "\0bridge\0") {
                $found[] = (int) basename(dirname($file));
            }
        }

        return $found;
    }

    private static function parent(int $pid): int
    {
        $status = (string) @file_get_contents("/proc/$pid/stat");

        return (int) (explode(' ', substr($status, (int) strrpos($status, ')') + 2))[1] ?? 0);
    }

    /**
     * @param list<string>          $php         options of PHP
     * @param array<string, string> $environment
     * @param list<string>          $prefix      of the command
     *
     * @return array{list<string>, array<string, string>} command and environment of a script
     */
    private function command(string $code, array $php, array $environment, array $prefix): array
    {
        $code = 'use FlexPay\{Callback, CancelToken, Client, Expected, Phone, WaitOptions};'
            . 'require ' . var_export(self::FUNCTIONS, true) . ';' . $code;

        return [
            array_merge($prefix, [PHP_BINARY, '-d', 'ffi.enable=0'], $php, ['-r', $code]),
            $environment + ['SANDBOX_OPTIONS' => (string) json_encode($this->sandbox->options())] + getenv(),
        ];
    }

    /**
     * Runs a script, and returns its output.
     *
     * @param list<string>          $php
     * @param array<string, string> $environment
     * @param list<string>          $prefix
     */
    private function runScript(string $code, array $php = [], array $environment = [], array $prefix = []): string
    {
        [$status, $output] = Process::run(...$this->command($code, $php, $environment, $prefix));
        self::assertSame(0, $status, $output);

        return $output;
    }

    /** Starts a script, kills its program when the gateway has a request, and returns the script's output. */
    private function killDuring(string $code): string
    {
        $directory = new TemporaryDirectory();
        [$command, $environment] = $this->command($code, [], [], []);
        $script = new Process($command, $environment, "$directory->path/log");
        $script->waitUntil(function (): bool {
            return $this->sandbox->requests() !== [];
        }, 'the call');
        $programs = array_filter(self::programs(), static function (int $pid) use ($script): bool {
            return self::parent($pid) === $script->pid();
        });
        self::assertCount(1, $programs);
        posix_kill((int) reset($programs), SIGKILL);
        $script->waitForExit();

        return $script->log();
    }

    /** A stand-in for the program: a shell script that replies to two hellos, and then runs $then. */
    private static function stub(TemporaryDirectory $directory, string $then): string
    {
        return self::script($directory, 'for id in 1 2; do read -r line;'
            . ' printf \'{"id":%d,"ok":{"bridge":1,"version":"0","timeout_ms":100}}\n\' $id; done' . "\n$then");
    }

    private static function script(TemporaryDirectory $directory, string $code): string
    {
        $path = $directory->path . '/flexpay';
        file_put_contents($path, "#!/bin/sh\n$code\n");
        chmod($path, 0755);

        return $path;
    }

    // ---- One process ----------------------------------------------------------------------------

    public function testARequestHasOneProcess(): void
    {
        $output = $this->runScript(<<<'PHP'
            echo count(programs()), " ", Phone::normalize("0812345678"), " ", count(programs()), " ";
            Callback::parse('{"code":"0","reference":"r"}')->getKey();
            $client = client();
            $client->payMobile(mobile("one"));
            $pid = programs();
            $again = client();
            $number = $again->payMobile(mobile("two"))->getOrderNumber();
            $client->close();
            unset($again);
            client()->check($number)->mayReplace("FAILED");
            var_dump($pid === programs());
            PHP);
        self::assertSame("0 243812345678 1 bool(true)\n", $output);
        self::assertSame([], self::running(), 'it ended with the script');
    }

    public function testOtherSettingsHaveTheirOwnProcessWhileTheyAreUsed(): void
    {
        $output = $this->runScript(<<<'PHP'
            $one = client();
            $two = client(["token" => "wrong"]);
            $private = client(["private_connections" => true]);
            $also = client(["private_connections" => true]);
            echo count(programs());
            attempt(function () use ($two) { $two->payMobile(mobile("two")); });
            attempt(function () use ($one) { return $one->payMobile(mobile("one")); });
            unset($one, $two, $private, $also);
            for ($n = 0; $n < 20; $n++) {
                client(["app_name" => "shop/$n"]);
            }
            echo count(programs());
            PHP);
        self::assertMatchesRegularExpression('/^4UnauthorizedException REFUSED .*\naccepted\n1$/', $output);
    }

    public function testARefusedClientChangesNothing(): void
    {
        $output = $this->runScript(<<<'PHP'
            Phone::normalize("0812345678");
            $pid = programs();
            attempt(function () { client(["pay_url" => "ftp://x"]); });
            attempt(function () { return client()->payMobile(mobile("one")); });
            var_dump($pid === programs());
            PHP);
        self::assertMatchesRegularExpression(
            '/^InvalidArgumentException NOT_SENT pay_url: .*\naccepted\nbool\(true\)$/',
            trim($output)
        );
    }

    public function testTheEnvironmentIsThatOfTheMoment(): void
    {
        $output = $this->runScript(<<<'PHP'
            $first = Client::fromEnvironment();
            putenv("FLEXPAY_TOKEN=wrong");
            attempt(function () { return Client::fromEnvironment()->payMobile(mobile("two")); });
            attempt(function () use ($first) { return $first->payMobile(mobile("one")); });
            putenv("FLEXPAY_API=v9");
            attempt(function () { Client::fromEnvironment(); });
            putenv("FLEXPAY_MERCHANT");
            attempt(function () { Client::fromEnvironment(); });
            attempt(function () { return Phone::normalize("0812345678"); });
            PHP, [], $this->sandbox->environment());
        self::assertMatchesRegularExpression('/^UnauthorizedException .*\naccepted\nInvalidArgumentException NOT_SENT'
            . ' FLEXPAY_API: .*\nInvalidArgumentException NOT_SENT FLEXPAY_MERCHANT: .*\n243812345678\n$/', $output);
    }

    public function testNoOtherUserCanReadTheToken(): void
    {
        $output = $this->runScript(<<<'PHP'
            putenv("OTHER=secret-of-the-shop");
            $client = client(["token" => "jeton-de-la-boutique"]);
            [$pid] = programs();
            echo strtr(file_get_contents("/proc/$pid/cmdline"), "\0", " "), "|";
            echo strtr(file_get_contents("/proc/$pid/environ"), "\0", " "), "|";
            PHP);
        [$command, $environment] = explode('|', $output);
        self::assertSame(getenv('FLEXPAY_PROGRAM') . ' bridge ', $command);
        self::assertStringContainsString('FLEXPAY_LIBRARY=', $environment);
        self::assertStringNotContainsString('jeton', $environment);
        self::assertStringNotContainsString('OTHER', $environment, 'only what the program needs');
    }

    public function testAForkedProcessDoesNotKeepTheScriptAlive(): void
    {
        $started = microtime(true);
        $output = $this->runScript(<<<'PHP'
            $client = client();
            $client->payMobile(mobile("one"));
            $child = pcntl_fork();
            if ($child === 0) {
                fclose(STDOUT);
                fclose(STDERR);
                sleep(30); // it has the pipes of its parent's program
                exit;
            }
            attempt(function () use ($client) { return $client->payMobile(mobile("two")); });
            unset($client);
            client(["app_name" => "another"]); // ends the first program
            echo count(programs());
            posix_kill($child, SIGKILL);
            PHP);
        self::assertSame("accepted\n1", $output);
        self::assertLessThan(25, microtime(true) - $started);
    }

    /** The sentence of the README about flock(). */
    public function testTheProgramInheritsOpenFiles(): void
    {
        $directory = new TemporaryDirectory();
        $output = $this->runScript(<<<'PHP'
            $lock = function () { return fopen(getenv("LOCK"), "c"); };
            $file = $lock();
            flock($file, LOCK_EX);
            Phone::normalize("0812345678");
            fclose($file);
            var_dump(flock($lock(), LOCK_EX | LOCK_NB));
            posix_kill(programs()[0], SIGKILL);
            while (programs() !== []) { usleep(1000); }
            $file = $lock();
            flock($file, LOCK_EX);
            Phone::normalize("0812345678");
            flock($file, LOCK_UN);
            fclose($file);
            var_dump(flock($lock(), LOCK_EX | LOCK_NB));
            PHP, [], ['LOCK' => "$directory->path/lock"]);
        self::assertSame("bool(false)\nbool(true)\n", $output);
    }

    public function testTheProgramOpensNoPortAndNoFile(): void
    {
        $output = $this->runScript(<<<'PHP'
            $client = client();
            $client->check($client->payMobile(mobile("one"))->getOrderNumber());
            $own = array_diff(openFiles(programs()[0]), openFiles(getmypid()));
            echo count(networkSockets($own)), " ", implode(" ", preg_grep('~^/~', $own));
            PHP);
        self::assertSame('1 ', $output, 'it has the connection to the gateway, which it keeps for a while');
    }

    // ---- It dies --------------------------------------------------------------------------------

    public function testAProgramThatDiedBetweenTwoCallsIsStartedAgain(): void
    {
        $output = $this->runScript(<<<'PHP'
            $client = client();
            $client->payMobile(mobile("one"));
            $number = $client->payMobile(mobile("two"))->getOrderNumber();
            [$pid] = programs();
            posix_kill($pid, SIGKILL);
            while (programs() !== []) { usleep(1000); }
            attempt(function () use ($client, $number) { return $client->check($number); });
            var_dump(programs() === [$pid], count(programs()));
            PHP);
        self::assertSame("PENDING\nbool(false)\nint(1)\n", $output);
    }

    /** @return iterable<string, array{string, string, string, string}> */
    public function payments(): iterable
    {
        yield 'pay' => ['pay', 'card', 'pay', 'do not pay again: wait for the callback, or look for the reference "one"'];
        yield 'payMobile' => ['payMobile', 'mobile', 'mobile', 'do not pay again: wait for the callback'];
        yield 'payout' => ['payout', 'payout', 'payout', 'do not repeat the payout: wait for the callback'];
    }

    /**
     * The gateway has the request, and the program dies before the reply.
     *
     * @dataProvider payments
     */
    public function testAProgramThatDiesDuringAPayment(string $call, string $request, string $on, string $advice): void
    {
        $this->sandbox->inject(['on' => $on, 'action' => ['kind' => 'delay', 'ms' => 2000]]);
        $output = $this->killDuring(<<<PHP
            \$client = client();
            attempt(function () use (\$client) { return \$client->$call($request("one")); });
            attempt(function () use (\$client) { return \$client->$call($request("two")); });
            PHP);
        $lines = explode("\n", $output);
        self::assertStringStartsWith(
            'ConnectionException UNKNOWN the program flexpay was ended by signal 9 before it replied; ',
            $lines[0]
        );
        self::assertStringContainsString($advice, $lines[0]);
        self::assertSame('accepted', $lines[1], 'the next call has a new program');
        self::assertCount(2, $this->sandbox->requests(), 'each request was sent once');
        self::assertCount(1, array_keys(array_column($this->sandbox->payments(), 'reference'), 'two', true));
    }

    public function testAProgramThatDiesDuringACheck(): void
    {
        $this->sandbox->inject(['on' => 'check', 'action' => ['kind' => 'delay', 'ms' => 2000]]);
        $output = $this->killDuring(<<<'PHP'
            $client = client();
            attempt(function () use ($client) { return $client->check("1"); });
            attempt(function () use ($client) { return $client->check("1"); });
            PHP);
        self::assertMatchesRegularExpression('/^ConnectionException UNKNOWN .* was ended by signal 9 before it replied;'
            . ' do not pay again: check the order again first\nNotFoundException .*\n$/', $output);
    }

    public function testARequestThatWasNotWrittenWasNotSent(): void
    {
        $directory = new TemporaryDirectory();
        $program = self::stub($directory, 'exec 0<&-; exec sleep 30');
        $output = $this->runScript(<<<'PHP'
            $client = client(["program" => getenv("STUB")]);
            usleep(200000); // it has closed its stdin
            set_error_handler(function () { throw new ErrorException("the shop's handler"); });
            attempt(function () use ($client) { return $client->pay(card("one")); });
            PHP, [], ['STUB' => $program]);
        self::assertStringStartsWith('ConnectionException NOT_SENT the program flexpay ended before it had', $output);
    }

    // ---- It hangs -------------------------------------------------------------------------------

    public function testAProgramThatHangsDoesNotHangThePage(): void
    {
        $output = $this->runScript(<<<'PHP'
            $client = client(["timeout_ms" => 100]);
            [$pid] = programs();
            posix_kill($pid, SIGSTOP);
            attempt(function () use ($client) { return $client->pay(card("one")); });
            attempt(function () use ($client) { return $client->payMobile(mobile("two")); });
            var_dump(in_array($pid, programs(), true));
            PHP);
        self::assertMatchesRegularExpression('/^TimeoutException UNKNOWN the program flexpay did not reply within 5\.1 s,'
            . ' and was ended; do not pay again: .*\naccepted\nbool\(false\)\n$/', $output);
        self::assertSame(['two'], array_column($this->sandbox->payments(), 'reference'));
    }

    /** The pipe is full before the line is complete: the program carries out no part of it. */
    public function testARequestThatIsNotWrittenCompletelyWasNotSent(): void
    {
        $output = $this->runScript(<<<'PHP'
            $client = client(["timeout_ms" => 100]);
            [$pid] = programs();
            posix_kill($pid, SIGSTOP);
            attempt(function () use ($client) { return $client->pay(card("one", str_repeat("pagne ", 50000))); });
            attempt(function () use ($client) { return $client->pay(card("two")); });
            PHP);
        self::assertMatchesRegularExpression('/^ConnectionException NOT_SENT .*\naccepted\n$/', $output);
        self::assertSame(['two'], array_column($this->sandbox->payments(), 'reference'));
    }

    // ---- Signals --------------------------------------------------------------------------------

    public function testSignalsDoNotInterruptACall(): void
    {
        $this->sandbox->inject(['on' => 'check', 'action' => ['kind' => 'delay', 'ms' => 700]]);
        $output = $this->runScript(<<<'PHP'
            $client = client();
            $number = $client->payMobile(mobile("one"))->getOrderNumber();
            $handled = 0;
            pcntl_async_signals(true);
            pcntl_signal(SIGUSR1, function () use (&$handled) { $handled++; }, false); // system calls are not restarted
            $sender = pcntl_fork();
            if ($sender === 0) {
                for ($n = 0; $n < 100; $n++) { posix_kill(posix_getppid(), SIGUSR1); usleep(3000); }
                posix_kill(getmypid(), SIGKILL);
            }
            attempt(function () use ($client, $number) { return $client->check($number); });
            posix_kill($sender, SIGKILL); // a signal after the end of the script would kill PHP
            pcntl_waitpid($sender, $status);
            echo $handled > 0 ? "handled" : "not handled";
            PHP);
        self::assertSame("PENDING\nhandled", $output);
    }

    public function testASignalHandlerCancelsAWait(): void
    {
        $output = $this->runScript(<<<'PHP'
            $client = client();
            $number = $client->payMobile(mobile("one"))->getOrderNumber();
            $token = new CancelToken();
            pcntl_async_signals(true);
            pcntl_signal(SIGALRM, function () use ($token) { $token->cancel(); });
            pcntl_alarm(1);
            attempt(function () use ($client, $number, $token) {
                return $client->wait($number, new WaitOptions(["cancel" => $token]));
            });
            attempt(function () use ($client, $number, $token) {
                return $client->wait($number, new WaitOptions(["cancel" => $token]));
            });
            attempt(function () use ($client, $number) { return $client->check($number); });
            var_dump(pcntl_async_signals());
            PHP);
        self::assertMatchesRegularExpression(
            '/^(CancelledException UNKNOWN .*\n){2}PENDING\nbool\(true\)\n$/',
            $output
        );
    }

    /** The handler's exception ends the wait, and shows nothing of the client. */
    public function testASignalHandlerMayThrowDuringAWait(): void
    {
        $output = $this->runScript(<<<'PHP'
            $client = client();
            $token = json_decode(getenv("SANDBOX_OPTIONS"), true)["token"];
            $number = $client->payMobile(mobile("one"))->getOrderNumber();
            pcntl_async_signals(true);
            pcntl_signal(SIGALRM, function () { throw new RuntimeException("alarm"); });
            pcntl_alarm(1);
            try {
                $client->wait($number, new WaitOptions(["timeout_ms" => 20000]));
            } catch (RuntimeException $e) {
                $printed = print_r($e->getTrace(), true) . var_export($e->getTrace(), true);
                echo $e->getMessage(), " ", strpos($printed, $token) === false ? "clean" : $printed, "\n";
            }
            [$pid] = programs();
            attempt(function () use ($client, $number) { return $client->check($number); });
            var_dump([$pid] === programs());
            PHP, ['-d', 'zend.exception_ignore_args=0']);
        self::assertMatchesRegularExpression('/^alarm clean\nPENDING\nbool\(true\)\n$/', $output);
    }

    public function testASignalHandlerMayMakeACallDuringAWait(): void
    {
        $output = $this->runScript(<<<'PHP'
            $client = client();
            $number = $client->payMobile(mobile("one"))->getOrderNumber();
            pcntl_async_signals(true);
            pcntl_signal(SIGALRM, function () use ($client, $number) {
                attempt(function () use ($client, $number) { return $client->check($number); });
                usleep(1200000); // the reply to the wait arrives meanwhile
                attempt(function () use ($client, $number) { return $client->check($number); });
            });
            pcntl_alarm(1);
            attempt(function () use ($client, $number) {
                return $client->wait($number, new WaitOptions(["timeout_ms" => 2000]));
            });
            PHP);
        self::assertMatchesRegularExpression('/^PENDING\nPENDING\nTimeoutException UNKNOWN .*\n$/', $output);
    }

    // ---- What it writes -------------------------------------------------------------------------

    public function testNothingOfItGetsIntoThePage(): void
    {
        $directory = new TemporaryDirectory();
        $noisy = 'echo noise >&2; exec ' . escapeshellarg((string) getenv('FLEXPAY_PROGRAM')) . ' bridge';
        $output = $this->runScript(
            'attempt(function () { return client(["program" => getenv("STUB")])->payMobile(mobile("one")); });',
            ['-d', 'display_errors=1', '-d', 'html_errors=1'],
            ['STUB' => self::script($directory, $noisy)]
        );
        self::assertSame("accepted\n", $output);
    }

    public function testAReplyThatCannotBeReadIsUnknown(): void
    {
        foreach (['garbage', '[]', '{"id":3}', '{"id":3,"ok":1}'] as $reply) {
            $directory = new TemporaryDirectory();
            $output = $this->runScript(
                'attempt(function () { return client(["program" => getenv("STUB")])->payMobile(mobile("one")); });',
                [],
                ['STUB' => self::stub($directory, "read -r line; echo '$reply'; exec sleep 30")]
            );
            self::assertStringStartsWith(
                'ConnectionException UNKNOWN the program flexpay replied with a line that cannot be read; do not pay',
                $output
            );
        }
    }

    public function testACodeOfANewerProgram(): void
    {
        $directory = new TemporaryDirectory();
        $reply = '{"id":3,"error":{"code":"NEWER","outcome":"UNKNOWN","message":"of a newer program"}}';
        $output = $this->runScript(
            'attempt(function () { return client(["program" => getenv("STUB")])->payMobile(mobile("one")); });',
            [],
            ['STUB' => self::stub($directory, "read -r line; echo '$reply'; exec sleep 30")]
        );
        self::assertSame("UnrecognizedException UNKNOWN of a newer program\n", $output);
    }
}
