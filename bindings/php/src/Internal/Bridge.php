<?php

declare(strict_types=1);

namespace FlexPay\Internal;

use FlexPay\CancelToken;
use FlexPay\Exception\FlexPayException;
use FlexPay\Exception\InvalidArgumentException;

/**
 * The protocol of `flexpay bridge` over a process that is started when a call needs it, and started again
 * if it has ended. One process has at most one client.
 *
 * The program carries out a request at most once, and only if its line was written completely. So a
 * payment without a reply is NOT_SENT if its line was not, and UNKNOWN if it was. No line is written twice.
 *
 * @internal
 */
final class Bridge
{
    /** The request of a hello without a client, and of one for a client with the environment's settings. */
    public const NO_CLIENT = '{"bridge":1,"client":false}';
    public const ENVIRONMENT = '{"bridge":1}';

    /** How much longer than a call's own deadline a reply may take. Then the program hangs, and is ended. */
    private const MARGIN_MS = 5000;

    /** No wait takes longer by default. */
    private const LONGEST_WAIT_MS = 600000;

    /** The calls that move money, and those that send nothing to the gateway. */
    private const PAYMENTS = ['pay', 'pay_mobile', 'payout'];
    private const LOCAL = [
        'hello', 'parse_callback', 'normalize_phone', 'state_may_replace', 'journal_get', 'journal_list',
        'journal_acknowledge', 'journal_resolve', 'journal_prune', 'journal_step',
    ];

    /** How long a payment may wait until other processes have written to its journal: before and after the request. */
    private const JOURNAL_MS = 70000;

    private const JSON = JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE | JSON_THROW_ON_ERROR;

    private string $path;

    /** @var array<string, string> of the process; it may have the token */
    private array $environment;

    /** The request of the hello; it may have the token. */
    private string $hello = self::NO_CLIENT;

    /** The timeout of the client's calls; 0 without a client. */
    private int $timeoutMs = 0;

    private ?ProgramProcess $process = null;

    private int $lastId = 0;

    /** @var array<int, array<string, mixed>|null> the replies of the calls in flight, by id; null: none yet */
    private array $replies = [];

    /** @param array<string, string> $environment */
    public function __construct(
        string $path,
        #[\SensitiveParameter]
        array $environment
    ) {
        $this->path = $path;
        $this->environment = $environment;
    }

    private function __clone()
    {
    }

    /** @return array<string, string> */
    public function __debugInfo(): array
    {
        return ['path' => $this->path];
    }

    /**
     * The request of a hello for a client with these settings.
     *
     * @param array<string, string|int|bool|null> $settings
     */
    public static function hello(
        #[\SensitiveParameter]
        array $settings
    ): string {
        // 0 and false are the defaults.
        return self::encode(['bridge' => 1, 'settings' => (object) array_filter($settings)]);
    }

    /** Whether it runs this program. */
    public function isOf(string $path): bool
    {
        return $this->path === $path;
    }

    /**
     * Whether it runs this program, in this environment, after this hello.
     *
     * @param array<string, string> $environment
     */
    public function is(
        string $path,
        #[\SensitiveParameter]
        array $environment,
        #[\SensitiveParameter]
        string $hello
    ): bool {
        return $this->isOf($path) && $this->environment === $environment && $this->hello === $hello;
    }

    /**
     * Starts the program if it does not run.
     *
     * @throws FlexPayException LibraryException if it cannot be started; the failure of its hello
     */
    public function start(): void
    {
        if ($this->process !== null && $this->process->isUsable()) {
            return;
        }
        $this->end();
        try {
            $this->startProcess();
            if ($this->hello !== self::NO_CLIENT) {
                $this->greet($this->hello);
            }
        } catch (FlexPayException $failure) {
            $this->end();
            throw $failure;
        }
    }

    /**
     * Creates the client. The bridge must have none; after a failure, it still has none.
     *
     * @throws FlexPayException
     */
    public function createClient(
        #[\SensitiveParameter]
        string $hello
    ): void {
        $this->start();
        $this->greet($hello);
        $this->hello = $hello;
    }

    /**
     * Makes a call.
     *
     * @param array<string, mixed> $request by field; null is absent
     *
     * @return array<string, mixed> the result
     *
     * @throws FlexPayException
     */
    public function call(string $call, array $request): array
    {
        $this->start();
        $reference = in_array($call, self::PAYMENTS, true) ? (string) $request['reference'] : '';

        return $this->exchange($call, self::encode($request), $this->timeoutMs, $reference);
    }

    /**
     * Makes the call "journal_step".
     *
     * @param string $request as JSON: its nulls have a meaning
     *
     * @return array<string, mixed> the result
     *
     * @throws FlexPayException
     */
    public function journalStep(string $request): array
    {
        $this->start();

        return $this->exchange('journal_step', $request, 0, '');
    }

    /**
     * Makes a call that takes long, and can be cancelled.
     *
     * @param array<string, mixed> $request       by field; null is absent. If the token is cancelled, it says so.
     * @param int                  $timeoutMs     of the call; 0: the longest default
     * @param bool                 $handleSignals whether signal handlers run meanwhile: they may cancel it
     *
     * @return array<string, mixed> the result
     *
     * @throws FlexPayException
     */
    public function wait(
        string $call,
        array $request,
        int $timeoutMs,
        ?CancelToken $cancel,
        bool $handleSignals
    ): array {
        $this->start();
        $isCancelled = $cancel !== null && $cancel->isCancelled();
        $meanwhile = function (int $id) use ($cancel, $handleSignals, &$isCancelled): void {
            try {
                if ($handleSignals) {
                    pcntl_signal_dispatch();
                }
            } catch (\Throwable $thrown) {
                $this->cancel($id);
                throw $thrown;
            }
            if (!$isCancelled && $cancel !== null && $cancel->isCancelled()) {
                $isCancelled = true;
                $this->cancel($id);
            }
        };
        $timeoutMs = ($timeoutMs ?: self::LONGEST_WAIT_MS) + $this->timeoutMs;

        return $this->exchange($call, self::encode($request), $timeoutMs, '', $meanwhile);
    }

    private function end(): void
    {
        if ($this->process !== null) {
            $this->process->end();
            $this->process = null;
        }
    }

    private function startProcess(): void
    {
        $missing = ProgramProcess::missingFunctions();
        if ($missing !== []) {
            throw LoadErrors::functionsDisabled($missing);
        }
        $problem = '';
        $process = ProgramProcess::start($this->path, $this->environment, $problem);
        if ($process === null) {
            throw LoadErrors::cannotRun($this->path, $problem);
        }
        $this->process = $process;
        try {
            $this->greet(self::NO_CLIENT);
        } catch (InvalidArgumentException $refused) {
            throw LoadErrors::otherProtocol($this->path, $refused->getMessage());
        } catch (FlexPayException $noReply) {
            throw LoadErrors::cannotRun($this->path, $process->errors() ?: $noReply->getMessage());
        }
    }

    private function greet(
        #[\SensitiveParameter]
        string $hello
    ): void {
        $this->timeoutMs = (int) $this->exchange('hello', $hello, 0, '')['timeout_ms'];
    }

    private function hasJournal(): bool
    {
        $settings = json_decode($this->hello, true)['settings'] ?? null;

        return isset($settings['journal']) || ($settings === null && isset($this->environment['FLEXPAY_JOURNAL']));
    }

    /** Cancels a wait. Its own reply follows. */
    private function cancel(int $id): void
    {
        if ($this->process !== null) {
            $line = self::line(++$this->lastId, 'cancel', "{\"id\":$id}");
            $this->process->write($line, ProgramProcess::deadline(self::MARGIN_MS));
        }
    }

    /**
     * Writes a request, and reads until its reply.
     *
     * @param string                   $request   as JSON
     * @param int                      $limitMs   within which the program replies if it does not hang
     * @param string                   $reference of a payment
     * @param callable(int): void|null $meanwhile receives the id of the call
     *
     * @return array<string, mixed> the result
     *
     * @throws FlexPayException
     */
    private function exchange(
        string $call,
        #[\SensitiveParameter]
        string $request,
        int $limitMs,
        string $reference,
        ?callable $meanwhile = null
    ): array {
        $process = $this->process;
        $id = ++$this->lastId;
        $limitMs += self::MARGIN_MS + ($this->hasJournal() ? self::JOURNAL_MS : 0);
        $deadline = ProgramProcess::deadline($limitMs);
        if (!$process->write(self::line($id, $call, $request), $deadline)) {
            $process->end();
            throw self::notSent();
        }
        $this->replies[$id] = null;
        $stop = $meanwhile === null ? null : function () use ($id, $meanwhile): bool {
            $meanwhile($id);

            // A call in a signal handler may have read this reply.
            return $this->replies[$id] !== null;
        };
        try {
            while ($this->replies[$id] === null) {
                $line = $process->read($deadline, $stop);
                $isBroken = $line === null ? $this->replies[$id] === null : !$this->receive($line);
                if ($isBroken) {
                    throw self::noReply($call, $reference, $process, $line, $limitMs);
                }
            }
            $reply = $this->replies[$id];
        } finally {
            unset($this->replies[$id]);
        }
        if (isset($reply['error'])) {
            throw ExceptionFactory::fromJson($reply['error']);
        }

        return $reply['ok'];
    }

    /** Stores the reply in a line. Returns false if the line is not a reply. */
    private function receive(string $line): bool
    {
        $reply = json_decode($line, true);
        if (!is_array($reply) || !is_array($reply['ok'] ?? $reply['error'] ?? null)) {
            return false;
        }
        // A line that the program refuses to read has no id; it is that of the last call.
        $id = $reply['id'] ?? max(array_keys($this->replies));
        // Nothing waits for the reply to a cancel, or for that of a wait that a signal handler left.
        if (array_key_exists($id, $this->replies)) {
            $this->replies[$id] = $reply;
        }

        return true;
    }

    private static function line(
        int $id,
        string $call,
        #[\SensitiveParameter]
        string $request
    ): string {
        return "{\"id\":$id,\"call\":\"$call\",\"request\":$request}\n";
    }

    /** @param array<string, mixed> $request */
    private static function encode(
        #[\SensitiveParameter]
        array $request
    ): string {
        $present = array_filter($request, static function ($value): bool {
            return $value !== null;
        });

        return json_encode((object) $present, self::JSON);
    }

    private static function notSent(): FlexPayException
    {
        return ExceptionFactory::create([
            'code' => Abi::ERROR_CONNECTION,
            'outcome' => FlexPayException::OUTCOME_NOT_SENT,
            'message' => 'the program flexpay ended before it had the whole request: nothing was sent; the next call'
                . ' starts it again',
        ]);
    }

    /** Ends a process that did not reply to a call that was written completely. */
    private static function noReply(
        string $call,
        string $reference,
        ProgramProcess $process,
        ?string $line,
        int $limitMs
    ): FlexPayException {
        $hangs = $line === null && $process->isRunning();
        if ($hangs) {
            $problem = 'did not reply within ' . $limitMs / 1000 . ' s, and was ended';
        } elseif ($line === null) {
            $problem = $process->reason() . ' before it replied';
        } else {
            $problem = 'replied with a line that cannot be read';
        }
        $process->end();
        if (in_array($call, self::PAYMENTS, true)) {
            $advice = ($call === 'payout' ? '; do not repeat the payout' : '; do not pay again')
                . ': wait for the callback, or look for the reference ' . self::quoted($reference)
                . " in FlexPay's merchant console first";
        } elseif (in_array($call, self::LOCAL, true)) {
            $advice = '';
        } else {
            $advice = '; do not pay again: check the order again first';
        }

        return ExceptionFactory::create([
            'code' => $hangs ? Abi::ERROR_TIMEOUT : Abi::ERROR_CONNECTION,
            'outcome' => in_array($call, self::LOCAL, true)
                ? FlexPayException::OUTCOME_NOT_SENT
                : FlexPayException::OUTCOME_UNKNOWN,
            'message' => "the program flexpay $problem$advice",
        ]);
    }

    /** At most 60 characters of a text, on one line. */
    private static function quoted(string $text): string
    {
        preg_match('/^.{0,60}/us', $text, $found);

        return (string) json_encode($found[0] ?? '', JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE);
    }
}
