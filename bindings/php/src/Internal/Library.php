<?php

declare(strict_types=1);

namespace FlexPay\Internal;

use FFI;
use FFI\CData;
use FlexPay\CancelToken;
use FlexPay\Exception\FlexPayException;
use FlexPay\Exception\LibraryException;

/**
 * The shared library. Only this class, Loader and Structs use FFI: with `ffi.enable=preload`, PHP
 * allows FFI only to preloaded code, and preload.php loads these classes.
 *
 * Strings are copied in and out within each call. Each object from the library is freed before the
 * call returns, except clients: they are stored in $handles until their PHP objects free them.
 *
 * No C data leaves these classes. A trace contains the arguments of all its frames, and a logger that
 * prints freed C data reads freed memory. So call() and create() return an error as an array, and
 * resultOrThrow() throws it after they have returned.
 *
 * @internal
 *
 * @phpstan-import-type PaymentFields from \FlexPay\Payment
 * @phpstan-import-type TransactionFields from \FlexPay\Transaction
 */
final class Library implements Transport
{
    private static ?self $loaded = null;

    private FFI $ffi;

    private Structs $structs;

    /** The loaded file; null if preload.php loaded it. */
    private ?string $path;

    /** @var array<int, CData> clients; their PHP objects have the key */
    private array $handles = [];

    private int $lastHandle = 0;

    private function __construct(FFI $ffi, ?string $path)
    {
        $this->ffi = $ffi;
        $this->path = $path;
        $this->structs = new Structs($ffi);
    }

    private function __clone()
    {
    }

    /** @return array<string, string|null> */
    public function __debugInfo(): array
    {
        return ['path' => $this->path];
    }

    // ---- Loading ------------------------------------------------------------------------------

    /**
     * The library. Loads it at the first call and keeps it until the process (in PHP-FPM: the
     * request) ends. See Loader::open() for the search order.
     *
     * @throws LibraryException
     */
    public static function load(?string $path = null): self
    {
        if (self::$loaded === null) {
            [$ffi, $from] = Loader::open($path);
            self::$loaded = new self($ffi, $from);
        }
        if ($path !== null && !self::$loaded->isFrom(Loader::absolute($path))) {
            $from = self::$loaded->path ?? 'opcache.preload';
            throw LoadErrors::create("libflexpay is already loaded from $from; this process cannot also load $path.");
        }

        return self::$loaded;
    }

    /** Whether this library was loaded from $path. */
    private function isFrom(string $path): bool
    {
        if ($this->path !== null) {
            return $path === $this->path
                || (file_exists($path) && realpath($path) === realpath($this->path));
        }
        // preload.php declared a type whose name contains the hash of the path.
        try {
            $this->ffi->type(Loader::markerType($path));

            return true;
        } catch (FFI\Exception $unknown) {
            return false;
        }
    }

    // ---- Clients ------------------------------------------------------------------------------

    public function newClient(
        #[\SensitiveParameter]
        array $settings
    ): int {
        Arguments::checkNoNul($settings);
        $fields = array_diff_key($settings, Names::FLAGS) + ['flags' => 0];
        $fields['environment'] = Names::ENVIRONMENTS[$settings['environment']];
        $fields['api'] = Names::APIS[$settings['api']];
        foreach (Names::FLAGS as $name => $flag) {
            $fields['flags'] |= $settings[$name] ? $flag : 0;
        }
        $signals = Signals::disable();
        try {
            $buffers = [];
            $config = $this->structs->input('flexpay_config', $fields, $buffers);

            $result = $this->create('flexpay_client', function (CData $client, CData $error) use ($config): int {
                return $this->ffi->flexpay_client_new(FFI::addr($config), $client, $error);
            });
        } finally {
            Signals::restore($signals);
        }

        return self::resultOrThrow($result);
    }

    public function newClientFromEnvironment(): int
    {
        $signals = Signals::disable();
        try {
            $result = $this->create('flexpay_client', function (CData $client, CData $error): int {
                return $this->ffi->flexpay_client_from_env($client, $error);
            });
        } finally {
            Signals::restore($signals);
        }

        return self::resultOrThrow($result);
    }

    public function freeClient(int $client): void
    {
        $signals = Signals::disable();
        try {
            $this->ffi->flexpay_client_free($this->handles[$client]);
            unset($this->handles[$client]);
        } finally {
            Signals::restore($signals);
        }
    }

    // ---- Requests and callbacks ---------------------------------------------------------------

    public function pay(int $client, array $fields): array
    {
        return $this->request('flexpay_pay', 'flexpay_payment_request', $client, $fields);
    }

    public function payMobile(int $client, array $fields): array
    {
        return $this->request('flexpay_pay_mobile', 'flexpay_mobile_request', $client, $fields);
    }

    public function payout(int $client, array $fields): array
    {
        return $this->request('flexpay_payout', 'flexpay_payout_request', $client, $fields);
    }

    /**
     * Calls one of the C functions that send a request and return a payment.
     *
     * @param array<string, string|null> $fields of the struct $type
     *
     * @return PaymentFields
     *
     * @throws FlexPayException
     */
    private function request(string $function, string $type, int $client, array $fields): array
    {
        Arguments::checkNoNul($fields);
        $signals = Signals::disable();
        try {
            $buffers = [];
            $request = $this->structs->input($type, $fields, $buffers);

            $result = $this->call(
                'flexpay_payment',
                [$this->structs, 'payment'],
                function (CData $payment, CData $error) use ($function, $client, $request): int {
                    return $this->ffi->$function($this->handles[$client], FFI::addr($request), $payment, $error);
                }
            );
        } finally {
            Signals::restore($signals);
        }

        return self::resultOrThrow($result);
    }

    public function check(int $client, ?string $orderNumber): array
    {
        Arguments::checkNoNul(['order_number' => $orderNumber]);

        $signals = Signals::disable();
        try {
            $result = $this->callForTransaction(
                function (CData $transaction, CData $error) use ($client, $orderNumber): int {
                    return $this->ffi->flexpay_check($this->handles[$client], $orderNumber, $transaction, $error);
                }
            );
        } finally {
            Signals::restore($signals);
        }

        return self::resultOrThrow($result);
    }

    public function wait(
        int $client,
        ?string $orderNumber,
        array $options,
        ?CancelToken $cancel,
        ?array $expected
    ): array {
        Arguments::checkNoNul(['order_number' => $orderNumber] + $options);
        Arguments::checkNoNul($expected ?? []);
        $signals = Signals::disable();
        try {
            $buffers = [];
            $struct = $this->structs->input('flexpay_wait_options', $options, $buffers);
            if ($expected !== null) {
                $payment = $this->expected($expected, $buffers);
                $struct->expected = FFI::addr($payment);
            }
            $result = $this->cancellable($struct, $cancel, function () use ($client, $orderNumber, $struct): array {
                return $this->callForTransaction(
                    function (CData $transaction, CData $error) use ($client, $orderNumber, $struct): int {
                        return $this->ffi->flexpay_wait(
                            $this->handles[$client],
                            $orderNumber,
                            FFI::addr($struct),
                            $transaction,
                            $error
                        );
                    }
                );
            });
        } finally {
            Signals::restore($signals);
        }

        // The outer result is that of the token, the inner one that of the wait.
        return self::resultOrThrow(self::resultOrThrow($result));
    }

    public function parseCallback(string $body): array
    {
        $signals = Signals::disable();
        try {
            $result = $this->withParsedCallback($body, [$this->structs, 'callback']);
        } finally {
            Signals::restore($signals);
        }

        return self::resultOrThrow($result);
    }

    public function callbackKey(string $body): string
    {
        $signals = Signals::disable();
        try {
            $result = $this->withParsedCallback($body, function (CData $callback): array {
                return $this->callForText(
                    Abi::CALLBACK_KEY_SIZE,
                    function (CData $key, int $size, CData $error) use ($callback): int {
                        return $this->ffi->flexpay_callback_key($callback, $key, $size, $error);
                    }
                );
            });
        } finally {
            Signals::restore($signals);
        }

        // The outer result is that of parsing, the inner one that of the key.
        return self::resultOrThrow(self::resultOrThrow($result));
    }

    public function verifyCallback(int $client, string $body, array $expected): array
    {
        Arguments::checkNoNul($expected);
        $signals = Signals::disable();
        try {
            $buffers = [];
            $payment = $this->expected($expected, $buffers);
            $bytes = $this->structs->copyIn('uint8_t', $body);

            $result = $this->callForTransaction(
                function (CData $transaction, CData $error) use ($client, $body, $bytes, $payment): int {
                    return $this->ffi->flexpay_verify_callback(
                        $this->handles[$client],
                        $bytes,
                        strlen($body),
                        FFI::addr($payment),
                        $transaction,
                        $error
                    );
                }
            );
        } finally {
            Signals::restore($signals);
        }

        return self::resultOrThrow($result);
    }

    public function verifyOrder(int $client, array $expected): array
    {
        Arguments::checkNoNul($expected);
        $signals = Signals::disable();
        try {
            $buffers = [];
            $payment = $this->expected($expected, $buffers);

            $result = $this->callForTransaction(
                function (CData $transaction, CData $error) use ($client, $payment): int {
                    return $this->ffi->flexpay_verify_order(
                        $this->handles[$client],
                        FFI::addr($payment),
                        $transaction,
                        $error
                    );
                }
            );
        } finally {
            Signals::restore($signals);
        }

        return self::resultOrThrow($result);
    }

    // ---- The journal --------------------------------------------------------------------------

    public function settle(int $client, string $reference, ?array $wait, ?CancelToken $cancel): array
    {
        Arguments::checkNoNul(['reference' => $reference] + ($wait ?? []));
        $signals = Signals::disable();
        try {
            $buffers = [];
            $options = $this->structs->input('flexpay_wait_options', $wait ?? [], $buffers);
            $pointer = $wait === null ? null : FFI::addr($options);
            $result = $this->cancellable($options, $cancel, function () use ($client, $reference, $pointer): array {
                return $this->callForSettlement(
                    function (CData $settlement, CData $error) use ($client, $reference, $pointer): int {
                        return $this->ffi->flexpay_settle(
                            $this->handles[$client],
                            $reference,
                            $pointer,
                            $settlement,
                            $error
                        );
                    }
                );
            });
        } finally {
            Signals::restore($signals);
        }

        // The outer result is that of the token.
        return self::resultOrThrow(self::resultOrThrow($result));
    }

    public function settleCallback(int $client, string $body, ?string $query): array
    {
        Arguments::checkNoNul(['query' => $query]);
        $signals = Signals::disable();
        try {
            $bytes = $this->structs->copyIn('uint8_t', $body);

            $result = $this->callForSettlement(
                function (CData $settlement, CData $error) use ($client, $body, $bytes, $query): int {
                    return $this->ffi->flexpay_settle_callback(
                        $this->handles[$client],
                        $bytes,
                        strlen($body),
                        $query,
                        $settlement,
                        $error
                    );
                }
            );
        } finally {
            Signals::restore($signals);
        }

        return self::resultOrThrow($result);
    }

    public function reconcile(int $client, int $timeoutMs, ?CancelToken $cancel): array
    {
        $signals = Signals::disable();
        try {
            $buffers = [];
            $options = $this->structs->input('flexpay_reconcile_options', ['timeout_ms' => $timeoutMs], $buffers);
            $result = $this->cancellable($options, $cancel, function () use ($client, $options): array {
                return $this->callForSettlements(
                    function (CData $settlements, CData $error) use ($client, $options): int {
                        return $this->ffi->flexpay_reconcile(
                            $this->handles[$client],
                            FFI::addr($options),
                            $settlements,
                            $error
                        );
                    }
                );
            });
        } finally {
            Signals::restore($signals);
        }

        // The outer result is that of the token.
        return self::resultOrThrow(self::resultOrThrow($result));
    }

    public function journalGet(int $client, string $reference): array
    {
        return $this->entry('flexpay_journal_get', $client, $reference);
    }

    public function journalAcknowledge(int $client, string $reference): array
    {
        return $this->entry('flexpay_journal_acknowledge', $client, $reference);
    }

    /**
     * Calls one of the C functions that take a reference and return its entry.
     *
     * @return array<string, mixed>
     *
     * @throws FlexPayException
     */
    private function entry(string $function, int $client, string $reference): array
    {
        Arguments::checkNoNul(['reference' => $reference]);
        $signals = Signals::disable();
        try {
            $result = $this->callForSettlement(
                function (CData $settlement, CData $error) use ($function, $client, $reference): int {
                    return $this->ffi->$function($this->handles[$client], $reference, $settlement, $error);
                }
            );
        } finally {
            Signals::restore($signals);
        }

        return self::resultOrThrow($result);
    }

    public function journalList(int $client, string $filter, string $after, int $limit): array
    {
        $fields = ['filter' => Names::FILTERS[$filter], 'after' => $after, 'limit' => $limit];
        Arguments::checkNoNul($fields);
        $signals = Signals::disable();
        try {
            $buffers = [];
            $query = $this->structs->input('flexpay_journal_query', $fields, $buffers);
            $result = $this->callForSettlements(
                function (CData $settlements, CData $error) use ($client, $query): int {
                    return $this->ffi->flexpay_journal_list(
                        $this->handles[$client],
                        FFI::addr($query),
                        $settlements,
                        $error
                    );
                }
            );
        } finally {
            Signals::restore($signals);
        }

        return self::resultOrThrow($result)['settlements'];
    }

    public function journalResolve(int $client, array $resolution): array
    {
        Arguments::checkNoNul($resolution);
        if ($resolution['state'] !== null) {
            $resolution['state'] = Names::RESOLUTIONS[$resolution['state']];
        }
        $signals = Signals::disable();
        try {
            $buffers = [];
            $struct = $this->structs->input('flexpay_resolution', $resolution, $buffers);
            $result = $this->callForSettlement(
                function (CData $settlement, CData $error) use ($client, $struct): int {
                    return $this->ffi->flexpay_journal_resolve(
                        $this->handles[$client],
                        FFI::addr($struct),
                        $settlement,
                        $error
                    );
                }
            );
        } finally {
            Signals::restore($signals);
        }

        return self::resultOrThrow($result);
    }

    public function journalPrune(int $client, int $days): int
    {
        $signals = Signals::disable();
        $removed = $this->ffi->new('uint64_t');
        $error = $this->ffi->new('flexpay_error *');
        try {
            $code = $this->ffi->flexpay_journal_prune(
                $this->handles[$client],
                $days,
                FFI::addr($removed),
                FFI::addr($error)
            );
            $result = $code === Abi::OK
                ? ['result' => $removed->cdata]
                : ['error' => $this->structs->error($code, $error)];
        } finally {
            $this->ffi->flexpay_error_free($error);
            Signals::restore($signals);
        }
        unset($removed, $error);

        return self::resultOrThrow($result);
    }

    public function journalStep(string $request): array
    {
        $signals = Signals::disable();
        try {
            $result = $this->call(
                'flexpay_text',
                [$this->structs, 'text'],
                function (CData $reply, CData $error) use ($request): int {
                    return $this->ffi->flexpay_journal_step($request, $reply, $error);
                }
            );
        } finally {
            Signals::restore($signals);
        }

        return json_decode(self::resultOrThrow($result), true);
    }

    public function normalizePhone(string $phone): string
    {
        Arguments::checkNoNul(['phone' => $phone]);
        $signals = Signals::disable();
        try {
            $result = $this->callForText(
                Abi::PHONE_SIZE,
                function (CData $normalized, int $size, CData $error) use ($phone): int {
                    return $this->ffi->flexpay_normalize_phone($phone, $normalized, $size, $error);
                }
            );
        } finally {
            Signals::restore($signals);
        }

        return self::resultOrThrow($result);
    }

    public function stateMayReplace(string $recorded, string $now): bool
    {
        // A newer library may report a state that this package does not know. It replaces nothing.
        $number = Abi::STATES[$now] ?? Abi::STATE_UNKNOWN;

        return $this->ffi->flexpay_state_may_replace(Abi::STATES[$recorded], $number) === 1;
    }

    // ---- Calling C ----------------------------------------------------------------------------

    /**
     * Creates the struct of a transaction that is expected.
     *
     * @param array<string, string|null> $fields  by field; null is absent
     * @param list<CData>                $buffers the copies of the strings are appended here
     */
    private function expected(array $fields, array &$buffers): CData
    {
        $fields['kind'] = Names::KINDS[$fields['kind']];

        return $this->structs->input('flexpay_expected', $fields, $buffers);
    }

    /**
     * Makes a call whose options have a cancel token.
     *
     * @param callable(): array<string, mixed> $call
     *
     * @return array<string, mixed> the argument of resultOrThrow(). It is about the token; the result in it is
     *                              the argument of another one, about the call.
     */
    private function cancellable(CData $options, ?CancelToken $cancel, callable $call): array
    {
        if ($cancel === null || !$cancel->isCancelled()) {
            // No PHP code runs during the call: nothing can cancel it.
            return ['result' => $call()];
        }

        return $this->withCancelledToken(static function (CData $token) use ($options, $call): array {
            $options->cancel = $token;

            return $call();
        });
    }

    /**
     * Creates a cancelled token, and passes it to $read.
     *
     * @param callable(CData): mixed $read
     *
     * @return array<string, mixed> the argument of resultOrThrow()
     */
    private function withCancelledToken(callable $read): array
    {
        return $this->call(
            'flexpay_cancel_token',
            function (CData $token) use ($read): array {
                $this->ffi->flexpay_cancel_token_cancel($token);

                return $read($token);
            },
            function (CData $token, CData $error): int {
                return $this->ffi->flexpay_cancel_token_new($token, $error);
            }
        );
    }

    /**
     * Parses a callback body and passes the result to $read.
     *
     * @param callable(CData): mixed $read
     *
     * @return array<string, mixed> the argument of resultOrThrow()
     */
    private function withParsedCallback(string $body, callable $read): array
    {
        $bytes = $this->structs->copyIn('uint8_t', $body);

        return $this->call(
            'flexpay_callback',
            $read,
            function (CData $callback, CData $error) use ($body, $bytes): int {
                return $this->ffi->flexpay_parse_callback($bytes, strlen($body), $callback, $error);
            }
        );
    }

    /**
     * Calls a C function that returns a transaction.
     *
     * @param callable(CData, CData): int $function
     *
     * @return array<string, mixed> the argument of resultOrThrow()
     */
    private function callForTransaction(callable $function): array
    {
        return $this->call('flexpay_transaction', [$this->structs, 'transaction'], $function);
    }

    /**
     * Calls a C function that returns an entry of the journal.
     *
     * @param callable(CData, CData): int $function
     *
     * @return array<string, mixed> the argument of resultOrThrow()
     */
    private function callForSettlement(callable $function): array
    {
        return $this->call('flexpay_settlement', [$this->structs, 'settlement'], $function);
    }

    /**
     * Calls a C function that returns a list of entries.
     *
     * @param callable(CData, CData): int $function
     *
     * @return array<string, mixed> the argument of resultOrThrow()
     */
    private function callForSettlements(callable $function): array
    {
        return $this->call('flexpay_settlements', [$this->structs, 'settlements'], $function);
    }

    /**
     * Calls a C function, copies the object that it returns, and frees the object.
     *
     * @param callable(CData): mixed      $read     copies the object to PHP values
     * @param callable(CData, CData): int $function receives the out-parameters
     *
     * @return array<string, mixed> the argument of resultOrThrow()
     */
    private function call(string $type, callable $read, callable $function): array
    {
        $object = $this->ffi->new($type . ' *');
        $error = $this->ffi->new('flexpay_error *');
        try {
            $code = $function(FFI::addr($object), FFI::addr($error));

            return $code === Abi::OK ? ['result' => $read($object)] : ['error' => $this->structs->error($code, $error)];
        } finally {
            $free = $type . '_free';
            $this->ffi->$free($object);
            $this->ffi->flexpay_error_free($error);
        }
    }

    /**
     * Calls a C function that writes a text into a buffer.
     *
     * @param int                              $size     of the buffer, with the NUL at the end of the text
     * @param callable(CData, int, CData): int $function receives the buffer, its size and the
     *                                                   out-parameter of the error
     *
     * @return array<string, mixed> the argument of resultOrThrow()
     */
    private function callForText(int $size, callable $function): array
    {
        $text = $this->ffi->new("char[$size]");
        $error = $this->ffi->new('flexpay_error *');
        try {
            $code = $function($text, $size, FFI::addr($error));

            return $code === Abi::OK
                ? ['result' => FFI::string($text)]
                : ['error' => $this->structs->error($code, $error)];
        } finally {
            $this->ffi->flexpay_error_free($error);
        }
    }

    /**
     * Calls a C function and stores the object that it returns in $handles; the result is its key.
     *
     * @param callable(CData, CData): int $function receives the out-parameters
     *
     * @return array<string, mixed> the argument of resultOrThrow()
     */
    private function create(string $type, callable $function): array
    {
        $object = $this->ffi->new($type . ' *');
        $error = $this->ffi->new('flexpay_error *');
        try {
            $code = $function(FFI::addr($object), FFI::addr($error));
            if ($code !== Abi::OK) {
                return ['error' => $this->structs->error($code, $error)];
            }
            $this->handles[++$this->lastHandle] = $object;

            return ['result' => $this->lastHandle];
        } finally {
            $this->ffi->flexpay_error_free($error);
        }
    }

    /**
     * Returns the result of call() or create(), or throws its error.
     *
     * @param array<string, mixed> $result
     *
     * @return mixed
     *
     * @throws FlexPayException
     */
    private static function resultOrThrow(array $result)
    {
        if (isset($result['error'])) {
            throw ExceptionFactory::create($result['error']);
        }

        return $result['result'];
    }
}
