<?php

declare(strict_types=1);

namespace FlexPay\Internal;

use FFI;
use FFI\CData;
use FlexPay\Exception\FlexPayException;
use FlexPay\Exception\LibraryException;

/**
 * The shared library. With Loader and Structs it is the only code that uses FFI: under
 * `ffi.enable=preload` PHP allows FFI to preloaded code alone, and preload.php loads these.
 *
 * Strings are copied in and out within each call. What the library hands out is freed before the
 * call returns, but for clients and cancel tokens, which are kept here under a number until their
 * PHP objects free them.
 *
 * No C data leaves these classes, and no exception is made in a frame that has C data, or a closure
 * over it, among its arguments: a logger that prints the trace would read memory that is gone.
 *
 * @internal
 *
 * @phpstan-import-type PaymentFields from \FlexPay\Payment
 * @phpstan-import-type TransactionFields from \FlexPay\Transaction
 * @phpstan-import-type CallbackFields from \FlexPay\Callback
 */
final class Library
{
    private const STATES = [
        Abi::STATE_UNKNOWN, Abi::STATE_PAID, Abi::STATE_FAILED, Abi::STATE_PENDING, Abi::STATE_REFUNDING,
        Abi::STATE_REFUNDED, Abi::STATE_CANCELLED,
    ];

    private static ?self $loaded = null;

    private FFI $ffi;

    private Structs $structs;

    /** Where it was loaded from; null when preload.php did it. */
    private ?string $path;

    /** @var array<int, CData> clients and cancel tokens, by the number that their PHP objects have */
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
     * The library, loaded at the first call and kept for as long as the process (or, in PHP-FPM,
     * the request) lives. Where it is looked for: see Loader::open().
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
            $here = self::$loaded->path ?? 'what opcache.preload names';
            throw Unusable::because("This process has loaded libflexpay from $here already; it cannot load $path too.");
        }

        return self::$loaded;
    }

    /** Whether this library is that of a file. */
    private function isFrom(string $path): bool
    {
        if ($this->path !== null) {
            return $path === $this->path
                || (file_exists($path) && realpath($path) === realpath($this->path));
        }
        try {
            $this->ffi->type(Loader::mark($path));

            return true;
        } catch (FFI\Exception $unknown) {
            return false;
        }
    }

    // ---- Clients and cancel tokens ------------------------------------------------------------

    /**
     * A client, for freeClient() in the end.
     *
     * @param array<string, string|null> $texts   the config's strings by field; null is absent
     * @param array<string, int>         $numbers the rest of it
     *
     * @throws FlexPayException
     */
    public function newClient(
        #[\SensitiveParameter]
        array $texts,
        array $numbers
    ): int {
        self::checkTexts($texts);
        $signals = self::holdSignals();
        try {
            $kept = [];
            $config = $this->structs->input('flexpay_config', $texts, $kept);
            foreach ($numbers as $field => $number) {
                $config->$field = $number;
            }

            $answer = $this->keep('flexpay_client', function (CData $client, CData $error) use ($config): int {
                return $this->ffi->flexpay_client_new(FFI::addr($config), $client, $error);
            });
        } finally {
            self::releaseSignals($signals);
        }

        return self::resultOf($answer);
    }

    /**
     * A client with the settings of the environment, for freeClient() in the end.
     *
     * @throws FlexPayException
     */
    public function newClientFromEnvironment(): int
    {
        $signals = self::holdSignals();
        try {
            $answer = $this->keep('flexpay_client', function (CData $client, CData $error): int {
                return $this->ffi->flexpay_client_from_env($client, $error);
            });
        } finally {
            self::releaseSignals($signals);
        }

        return self::resultOf($answer);
    }

    public function freeClient(int $client): void
    {
        $signals = self::holdSignals();
        try {
            $this->ffi->flexpay_client_free($this->handles[$client]);
            unset($this->handles[$client]);
        } finally {
            self::releaseSignals($signals);
        }
    }

    /**
     * A cancel token, for freeCancelToken() in the end.
     *
     * @throws FlexPayException
     */
    public function newCancelToken(): int
    {
        $signals = self::holdSignals();
        try {
            $answer = $this->keep('flexpay_cancel_token', function (CData $token, CData $error): int {
                return $this->ffi->flexpay_cancel_token_new($token, $error);
            });
        } finally {
            self::releaseSignals($signals);
        }

        return self::resultOf($answer);
    }

    public function cancel(int $token): void
    {
        $this->ffi->flexpay_cancel_token_cancel($this->handles[$token]);
    }

    public function freeCancelToken(int $token): void
    {
        $signals = self::holdSignals();
        try {
            $this->ffi->flexpay_cancel_token_free($this->handles[$token]);
            unset($this->handles[$token]);
        } finally {
            self::releaseSignals($signals);
        }
    }

    // ---- Calls --------------------------------------------------------------------------------

    /**
     * @param array<string, string|null> $texts the request by field; null is absent
     *
     * @return PaymentFields
     *
     * @throws FlexPayException
     */
    public function pay(int $client, array $texts): array
    {
        self::checkTexts($texts);
        $signals = self::holdSignals();
        try {
            $kept = [];
            $request = $this->structs->input('flexpay_payment_request', $texts, $kept);

            $answer = $this->call(
                'flexpay_payment',
                [$this->structs, 'payment'],
                function (CData $payment, CData $error) use ($client, $request): int {
                    return $this->ffi->flexpay_pay($this->handles[$client], FFI::addr($request), $payment, $error);
                }
            );
        } finally {
            self::releaseSignals($signals);
        }

        return self::resultOf($answer);
    }

    /**
     * @return TransactionFields
     *
     * @throws FlexPayException
     */
    public function check(int $client, ?string $orderNumber): array
    {
        self::checkTexts(['order_number' => $orderNumber]);

        $signals = self::holdSignals();
        try {
            $answer = $this->transaction(
                function (CData $transaction, CData $error) use ($client, $orderNumber): int {
                    return $this->ffi->flexpay_check($this->handles[$client], $orderNumber, $transaction, $error);
                }
            );
        } finally {
            self::releaseSignals($signals);
        }

        return self::resultOf($answer);
    }

    /**
     * @param array<string, int>              $times    milliseconds by field
     * @param array<string, string|null>|null $expected what is expected by field; null is absent
     *
     * @return TransactionFields
     *
     * @throws FlexPayException
     */
    public function wait(
        int $client,
        ?string $orderNumber,
        array $times,
        ?int $cancelToken,
        ?array $expected
    ): array {
        self::checkTexts(['order_number' => $orderNumber]);
        self::checkTexts($expected ?? []);
        $signals = self::holdSignals();
        try {
            $kept = [];
            $options = $this->structs->input('flexpay_wait_options', [], $kept);
            foreach ($times as $field => $milliseconds) {
                $options->$field = $milliseconds;
            }
            $options->cancel = $cancelToken === null ? null : $this->handles[$cancelToken];
            if ($expected !== null) {
                $payment = $this->structs->input('flexpay_expected', $expected, $kept);
                $options->expected = FFI::addr($payment);
            }

            $answer = $this->transaction(
                function (CData $transaction, CData $error) use ($client, $orderNumber, $options): int {
                    return $this->ffi->flexpay_wait(
                        $this->handles[$client],
                        $orderNumber,
                        FFI::addr($options),
                        $transaction,
                        $error
                    );
                }
            );
        } finally {
            self::releaseSignals($signals);
        }

        return self::resultOf($answer);
    }

    /**
     * @return CallbackFields
     *
     * @throws FlexPayException
     */
    public function parseCallback(string $body): array
    {
        $signals = self::holdSignals();
        try {
            $answer = $this->callback($body, [$this->structs, 'callback']);
        } finally {
            self::releaseSignals($signals);
        }

        return self::resultOf($answer);
    }

    /**
     * The key of a callback body.
     *
     * @throws FlexPayException
     */
    public function callbackKey(string $body): string
    {
        $signals = self::holdSignals();
        try {
            $answer = $this->callback($body, function (CData $callback): array {
                $key = $this->ffi->new('char[' . Abi::CALLBACK_KEY_SIZE . ']');
                $error = $this->ffi->new('flexpay_error *');
                try {
                    $size = Abi::CALLBACK_KEY_SIZE;
                    $code = $this->ffi->flexpay_callback_key($callback, $key, $size, FFI::addr($error));

                    return $code === Abi::OK
                        ? ['result' => FFI::string($key)]
                        : ['error' => $this->structs->error($code, $error)];
                } finally {
                    $this->ffi->flexpay_error_free($error);
                }
            });
        } finally {
            self::releaseSignals($signals);
        }

        return self::resultOf(self::resultOf($answer));
    }

    /**
     * @param array<string, string|null> $texts what is expected by field; null is absent
     *
     * @return TransactionFields
     *
     * @throws FlexPayException
     */
    public function verifyCallback(int $client, string $body, array $texts): array
    {
        self::checkTexts($texts);
        $signals = self::holdSignals();
        try {
            $kept = [];
            $expected = $this->structs->input('flexpay_expected', $texts, $kept);
            $bytes = $this->structs->copyIn('uint8_t', $body);

            $answer = $this->transaction(
                function (CData $transaction, CData $error) use ($client, $body, $bytes, $expected): int {
                    return $this->ffi->flexpay_verify_callback(
                        $this->handles[$client],
                        $bytes,
                        strlen($body),
                        FFI::addr($expected),
                        $transaction,
                        $error
                    );
                }
            );
        } finally {
            self::releaseSignals($signals);
        }

        return self::resultOf($answer);
    }

    /**
     * @param array<string, string|null> $texts what is expected by field; null is absent
     *
     * @return TransactionFields
     *
     * @throws FlexPayException
     */
    public function verifyOrder(int $client, array $texts): array
    {
        self::checkTexts($texts);
        $signals = self::holdSignals();
        try {
            $kept = [];
            $expected = $this->structs->input('flexpay_expected', $texts, $kept);

            $answer = $this->transaction(
                function (CData $transaction, CData $error) use ($client, $expected): int {
                    return $this->ffi->flexpay_verify_order(
                        $this->handles[$client],
                        FFI::addr($expected),
                        $transaction,
                        $error
                    );
                }
            );
        } finally {
            self::releaseSignals($signals);
        }

        return self::resultOf($answer);
    }

    /** Whether the state named $now may replace the one named $recorded. */
    public function stateMayReplace(string $recorded, string $now): bool
    {
        $states = [];
        foreach (self::STATES as $state) {
            $states[$this->ffi->flexpay_state_name($state)] = $state;
        }
        if (!isset($states[$recorded])) {
            throw Arguments::refused('recorded', 'is no state; there are ' . implode(', ', array_keys($states)));
        }

        return $this->ffi->flexpay_state_may_replace($states[$recorded], $states[$now] ?? -1) === 1;
    }

    /** The library's version, "0.1.0". */
    public function version(): string
    {
        return $this->ffi->flexpay_version();
    }

    // ---- How calls are made --------------------------------------------------------------------

    /**
     * Keeps PHP's own signal handlers from running amid a call: one that throws would leave behind a
     * trace that holds C data which is freed by then. Returns whether they were on.
     */
    private static function holdSignals(): bool
    {
        return function_exists('pcntl_async_signals') && pcntl_async_signals(false);
    }

    /** Lets them run again, those that are due at once. */
    private static function releaseSignals(bool $were): void
    {
        if ($were) {
            pcntl_async_signals(true);
            pcntl_signal_dispatch();
        }
    }

    /**
     * Refuses what C would cut short.
     *
     * @param array<string, string|null> $texts by field
     *
     * @throws FlexPayException
     */
    private static function checkTexts(
        #[\SensitiveParameter]
        array $texts
    ): void {
        foreach ($texts as $field => $text) {
            Arguments::withoutNul($field, $text ?? '');
        }
    }

    /**
     * Reads a callback body, and gives what $read makes of it.
     *
     * @param callable(CData): mixed $read
     *
     * @return array<string, mixed> as call()
     */
    private function callback(string $body, callable $read): array
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
     * Calls for a transaction.
     *
     * @param callable(CData, CData): int $function
     *
     * @return array<string, mixed> as call()
     */
    private function transaction(callable $function): array
    {
        return $this->call('flexpay_transaction', [$this->structs, 'transaction'], $function);
    }

    /**
     * Calls, and frees what comes of it.
     *
     * @param callable(CData): mixed      $read     makes PHP of a result
     * @param callable(CData, CData): int $function gets the out-parameters
     *
     * @return array<string, mixed> what resultOf() takes
     */
    private function call(string $type, callable $read, callable $function): array
    {
        $result = $this->ffi->new($type . ' *');
        $error = $this->ffi->new('flexpay_error *');
        try {
            $code = $function(FFI::addr($result), FFI::addr($error));

            return $code === Abi::OK ? ['result' => $read($result)] : ['error' => $this->structs->error($code, $error)];
        } finally {
            $free = $type . '_free';
            $this->ffi->$free($result);
            $this->ffi->flexpay_error_free($error);
        }
    }

    /**
     * Calls, and keeps what comes of it: the result is its number.
     *
     * @param callable(CData, CData): int $function gets the out-parameters
     *
     * @return array<string, mixed> what resultOf() takes
     */
    private function keep(string $type, callable $function): array
    {
        $result = $this->ffi->new($type . ' *');
        $error = $this->ffi->new('flexpay_error *');
        try {
            $code = $function(FFI::addr($result), FFI::addr($error));
            if ($code !== Abi::OK) {
                return ['error' => $this->structs->error($code, $error)];
            }
            $this->handles[++$this->lastHandle] = $result;

            return ['result' => $this->lastHandle];
        } finally {
            $this->ffi->flexpay_error_free($error);
        }
    }

    /**
     * The result of call(), or its exception.
     *
     * @param array<string, mixed> $answer
     *
     * @return mixed
     *
     * @throws FlexPayException
     */
    private static function resultOf(array $answer)
    {
        if (isset($answer['error'])) {
            throw Failure::of($answer['error']);
        }

        return $answer['result'];
    }
}
