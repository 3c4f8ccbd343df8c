<?php

declare(strict_types=1);

namespace FlexPay\Internal;

use FlexPay\CancelToken;
use FlexPay\Exception\FlexPayException;
use FlexPay\Exception\LibraryException;

/**
 * The program flexpay, where PHP does not allow FFI. It is started with the first client, and kept until
 * the request (on the command line: the script) ends. Clients with the same settings share one process.
 *
 * The settings go through the pipe, where other users of the machine cannot read them: never into the
 * command line or the environment of the process.
 *
 * @internal
 *
 * @phpstan-import-type PaymentFields from \FlexPay\Payment
 * @phpstan-import-type TransactionFields from \FlexPay\Transaction
 */
final class Program implements Transport
{
    /**
     * The variables that the program may need besides its settings: of the dynamic linker, for the
     * certificates of the system, and for DNS lookups. Windows finds its own parts, the network's too, in the
     * folder SystemRoot.
     */
    private const VARIABLES = [
        'LD_LIBRARY_PATH', 'SSL_CERT_FILE', 'SSL_CERT_DIR', 'LOCALDOMAIN', 'RES_OPTIONS', 'HOSTALIASES',
        // Windows: without the first there is no network; the others are the folder for temporary files.
        'SystemRoot', 'TEMP', 'TMP',
    ];

    /** PHP's exit status of a program that could not be started. The program itself never has it. */
    private const NOT_STARTED = 127;

    /** In bytes. A line of the protocol has at most 1 MiB; the library refuses texts that are much shorter. */
    private const LONGEST_TEXT = 700000;
    private const LONGEST_BODY = 500000;

    /**
     * The bridges by client. They have the settings: static, so that nothing that prints a PHP object
     * prints them.
     *
     * @var array<int, Bridge>
     */
    private static array $bridges = [];

    /** A bridge that no client uses now. */
    private static ?Bridge $idle = null;

    private static int $lastClient = 0;

    private string $path;

    private function __construct(string $path)
    {
        $this->path = $path;
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
     * The program at the path of the option or, without it, of FLEXPAY_PROGRAM or, without both, the
     * bundled one. Starts it.
     *
     * @throws LibraryException
     */
    public static function at(?string $option): self
    {
        $program = new self(self::locate($option));
        $signals = Signals::disable();
        try {
            $program->bridge()->start();
        } finally {
            Signals::restore($signals);
        }

        return $program;
    }

    /**
     * Runs a command of the program, with the streams and the environment of this process, and returns its
     * exit status. Where PHP can, the program replaces this process, and this function does not return.
     *
     * @param list<string> $arguments
     *
     * @throws LibraryException
     */
    public static function run(array $arguments): int
    {
        $path = self::locate(null);
        $status = self::NOT_STARTED;
        $problem = Warnings::capture(static function () use ($path, $arguments, &$status): void {
            if (function_exists('pcntl_exec')) {
                pcntl_exec($path, $arguments);
            } elseif (function_exists('proc_open')) {
                $process = proc_open(array_merge([$path], $arguments), [STDIN, STDOUT, STDERR], $pipes);
                $status = is_resource($process) ? proc_close($process) : self::NOT_STARTED;
            }
        });
        if ($status === self::NOT_STARTED) {
            throw LoadErrors::cannotRun($path, $problem === '' ? 'PHP may not start programs here' : $problem);
        }

        return $status;
    }

    /** @throws FlexPayException */
    private static function locate(?string $option): string
    {
        if ($option !== null) {
            return Loader::absolute($option, 'program');
        }
        $environment = (string) getenv('FLEXPAY_PROGRAM');
        if ($environment !== '') {
            return Loader::absolute($environment, 'program');
        }
        $bundled = Platform::program();
        if ($bundled === null) {
            throw LoadErrors::noPlatform('program', Platform::description());
        }

        return $bundled;
    }

    // ---- Clients ------------------------------------------------------------------------------

    public function newClient(
        #[\SensitiveParameter]
        array $settings
    ): int {
        self::checkText($settings);

        return $this->add(Bridge::hello($settings), $settings['private_connections'] === true);
    }

    public function newClientFromEnvironment(): int
    {
        return $this->add(Bridge::ENVIRONMENT, false);
    }

    public function freeClient(int $client): void
    {
        $bridge = self::$bridges[$client];
        unset(self::$bridges[$client]);
        if (!in_array($bridge, self::$bridges, true)) {
            self::$idle = $bridge;
        }
    }

    /** @param bool $isPrivate whether the client gets a process of its own */
    private function add(
        #[\SensitiveParameter]
        string $hello,
        bool $isPrivate
    ): int {
        $signals = Signals::disable();
        try {
            $environment = self::environment();
            $bridge = $isPrivate ? null : $this->find($environment, $hello);
            if ($bridge === null) {
                $isReady = self::$idle !== null && self::$idle->is($this->path, $environment, Bridge::NO_CLIENT);
                $bridge = $isReady ? self::$idle : new Bridge($this->path, $environment);
                $bridge->createClient($hello);
            }
        } finally {
            Signals::restore($signals);
        }
        if ($bridge === self::$idle) {
            self::$idle = null;
        }
        self::$bridges[++self::$lastClient] = $bridge;

        return self::$lastClient;
    }

    /**
     * The bridge with this client.
     *
     * @param array<string, string> $environment
     */
    private function find(
        #[\SensitiveParameter]
        array $environment,
        #[\SensitiveParameter]
        string $hello
    ): ?Bridge {
        foreach (array_filter(array_merge(self::$bridges, [self::$idle])) as $bridge) {
            if ($bridge->is($this->path, $environment, $hello)) {
                return $bridge;
            }
        }

        return null;
    }

    /** Any bridge, for the calls that need no client. */
    private function bridge(): Bridge
    {
        foreach (array_filter(array_merge(self::$bridges, [self::$idle])) as $bridge) {
            if ($bridge->isOf($this->path)) {
                return $bridge;
            }
        }

        return self::$idle = new Bridge($this->path, self::environment());
    }

    /** @return array<string, string> the environment of the program */
    private static function environment(): array
    {
        $names = array_filter(array_keys(getenv()), static function ($name): bool {
            return strncmp((string) $name, 'FLEXPAY_', 8) === 0;
        });
        $environment = [];
        foreach (array_merge(self::VARIABLES, $names) as $name) {
            // Only the real environment, as the library reads it: not what the web server passes.
            $value = getenv($name, true);
            if ($value !== false) {
                $environment[$name] = $value;
            }
        }

        return $environment;
    }

    // ---- Requests and callbacks ---------------------------------------------------------------

    public function pay(int $client, array $fields): array
    {
        return $this->call($client, 'pay', $fields);
    }

    public function payMobile(int $client, array $fields): array
    {
        return $this->call($client, 'pay_mobile', $fields);
    }

    public function payout(int $client, array $fields): array
    {
        return $this->call($client, 'payout', $fields);
    }

    public function check(int $client, ?string $orderNumber): array
    {
        return $this->call($client, 'check', ['order_number' => $orderNumber]);
    }

    public function wait(
        int $client,
        ?string $orderNumber,
        array $options,
        ?CancelToken $cancel,
        ?array $expected
    ): array {
        $fields = ['order_number' => $orderNumber] + $options;
        self::checkText($fields);
        self::checkText($expected ?? []);
        $fields['expected'] = $expected;
        $fields['cancel'] = self::isCancelled($cancel);

        return $this->callAndWait($client, 'wait', $fields, (int) ($options['timeout_ms'] ?? 0), $cancel);
    }

    public function verifyCallback(int $client, string $body, array $expected): array
    {
        self::checkText($expected);

        return $this->call($client, 'verify_callback', [
            'body_base64' => self::base64($body),
            'expected' => $expected,
        ]);
    }

    public function verifyOrder(int $client, array $expected): array
    {
        return $this->call($client, 'verify_order', $expected);
    }

    // ---- The journal --------------------------------------------------------------------------

    public function settle(int $client, string $reference, ?array $wait, ?CancelToken $cancel): array
    {
        if ($wait === null) {
            return $this->call($client, 'settle', ['reference' => $reference]);
        }
        self::checkText(['reference' => $reference] + $wait);
        $timeoutMs = (int) ($wait['timeout_ms'] ?? 0);
        $request = ['reference' => $reference, 'wait' => $wait + ['cancel' => self::isCancelled($cancel)]];

        return $this->callAndWait($client, 'settle', $request, $timeoutMs, $cancel);
    }

    public function settleCallback(int $client, string $body, ?string $query): array
    {
        return $this->call($client, 'settle_callback', ['body_base64' => self::base64($body), 'query' => $query]);
    }

    public function reconcile(int $client, int $timeoutMs, ?CancelToken $cancel): array
    {
        $request = ['timeout_ms' => $timeoutMs, 'cancel' => self::isCancelled($cancel)];

        return $this->callAndWait($client, 'reconcile', $request, $timeoutMs, $cancel);
    }

    public function journalGet(int $client, string $reference): array
    {
        return $this->call($client, 'journal_get', ['reference' => $reference]);
    }

    public function journalList(int $client, string $filter, string $after, int $limit): array
    {
        $query = ['filter' => $filter, 'after' => $after, 'limit' => $limit];

        return $this->call($client, 'journal_list', $query)['settlements'];
    }

    public function journalAcknowledge(int $client, string $reference): array
    {
        return $this->call($client, 'journal_acknowledge', ['reference' => $reference]);
    }

    public function journalResolve(int $client, array $resolution): array
    {
        return $this->call($client, 'journal_resolve', $resolution);
    }

    public function journalPrune(int $client, int $days): int
    {
        return $this->callAndWait($client, 'journal_prune', ['days' => $days], 0, null)['removed'];
    }

    public function journalStep(string $request): array
    {
        $signals = Signals::disable();
        try {
            return $this->bridge()->journalStep($request);
        } finally {
            Signals::restore($signals);
        }
    }

    private static function isCancelled(?CancelToken $cancel): bool
    {
        return $cancel !== null && $cancel->isCancelled();
    }

    // ---- Without a client ---------------------------------------------------------------------

    public function parseCallback(string $body): array
    {
        $callback = $this->call(null, 'parse_callback', ['body_base64' => self::base64($body)]);
        unset($callback['key']);

        return $callback;
    }

    public function callbackKey(string $body): string
    {
        return $this->call(null, 'parse_callback', ['body_base64' => self::base64($body)])['key'];
    }

    public function normalizePhone(string $phone): string
    {
        return $this->call(null, 'normalize_phone', ['phone' => $phone])['phone'];
    }

    public function stateMayReplace(string $recorded, string $now): bool
    {
        $states = ['recorded' => $recorded, 'now' => $now];

        return $this->call(null, 'state_may_replace', $states)['may_replace'];
    }

    /** Bytes of any kind, as JSON can have them. A body that is cut is too long for the library, too. */
    private static function base64(string $body): string
    {
        return base64_encode(substr($body, 0, self::LONGEST_BODY));
    }

    /**
     * Refuses texts that the library refuses, or a line of the protocol cannot have.
     *
     * @param array<string, mixed> $fields
     *
     * @throws FlexPayException
     */
    private static function checkText(
        #[\SensitiveParameter]
        array $fields
    ): void {
        Arguments::checkNoNul($fields);
        Arguments::checkUtf8($fields);
        foreach ($fields as $field => $value) {
            if (is_string($value) && strlen($value) > self::LONGEST_TEXT) {
                throw Arguments::invalid($field, 'is too long');
            }
        }
    }

    /**
     * Makes a call that signals do not interrupt.
     *
     * @param int|null             $client  null for a call that needs none
     * @param array<string, mixed> $request
     *
     * @return array<string, mixed>
     *
     * @throws FlexPayException
     */
    private function call(?int $client, string $call, array $request): array
    {
        self::checkText($request);
        $signals = Signals::disable();
        try {
            $bridge = $client === null ? $this->bridge() : self::$bridges[$client];

            return $bridge->call($call, $request);
        } finally {
            Signals::restore($signals);
        }
    }
    /**
     * Makes a call that takes long. Signal handlers run meanwhile, if the script enabled them.
     *
     * @param array<string, mixed> $request
     * @param int                  $timeoutMs of the call; 0: the longest default
     *
     * @return array<string, mixed>
     *
     * @throws FlexPayException
     */
    private function callAndWait(
        int $client,
        string $call,
        array $request,
        int $timeoutMs,
        ?CancelToken $cancel
    ): array {
        $signals = Signals::disable();
        try {
            return self::$bridges[$client]->wait($call, $request, $timeoutMs, $cancel, $signals);
        } finally {
            Signals::restore($signals);
        }
    }
}
