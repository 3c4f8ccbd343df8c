<?php

declare(strict_types=1);

namespace FlexPay;

use FlexPay\Exception\ClosedException;
use FlexPay\Exception\FlexPayException;
use FlexPay\Internal\Abi;
use FlexPay\Internal\Library;
use FlexPay\Internal\Options;

/**
 * A client for one merchant. Make one and keep it; a forked child may go on using it, with
 * connections of its own.
 *
 * A call blocks until it is done or its time is up. Nothing is ever repeated that could charge a
 * customer twice: when pay() fails, the exception's getOutcome() says whether you may repeat it.
 *
 * Signal handlers of pcntl_async_signals() run when a call is complete, not amid it. What one throws
 * then takes the place of the call's result: let it set a flag instead.
 */
final class Client
{
    private const TEXTS = [
        'merchant', 'token', 'pay_url', 'check_url', 'ca_file', 'proxy', 'app_name', 'callback_secret',
        'callback_secret_previous',
    ];

    private const OTHERS = [
        'environment', 'api', 'timeout_ms', 'connect_timeout_ms', 'allow_plain_http', 'check_once',
        'system_roots', 'private_connections', 'library',
    ];

    private const ENVIRONMENTS = ['live' => Abi::ENV_LIVE, 'test' => Abi::ENV_TEST];

    private const APIS = ['v1' => Abi::API_V1, 'v1.1' => Abi::API_V1_1];

    private Library $library;

    /** The library's number for it; null once closed. */
    private ?int $handle = null;

    /**
     * Makes a client. Nothing is sent, but the settings are checked and ca_file is read.
     *
     * Options:
     * - merchant (string): the merchant code. Needed.
     * - token (string): the token, with or without "Bearer ". Needed. The client does not keep it
     *   where PHP could print it.
     * - environment (string): "live" (default) or "test".
     * - api (string): "v1" (default), whose reply gives no order number, or "v1.1", whose reply
     *   carries the one that check() and wait() need. The live gateway refuses a v1.1 request
     *   without its addresses.
     * - pay_url (string): the payment service's whole address, instead of the environment's.
     * - check_url (string): the check service's address, up to and without the order number.
     * - timeout_ms (int): the whole call, name look-up to last byte. 0: 30 000.
     * - connect_timeout_ms (int): the part of it for look-up, connection, proxy and TLS. 0: 10 000.
     * - ca_file (string): a PEM file of certificates to trust instead of those built in.
     * - proxy (string): "http://user:password@host:port". The environment's is not read.
     * - app_name (string): your software, for the User-Agent header: "BoutiqueZando/2.1".
     * - allow_plain_http (bool): plain http to other machines: the token travels in the clear.
     * - check_once (bool): check() asks once only, for callers with their own way of asking again.
     * - system_roots (bool): trusts the system's certificates instead of those built in; not with
     *   ca_file.
     * - private_connections (bool): connections of its own. Otherwise the clients of a PHP process share
     *   them, from one page to the next. The token is never shared.
     * - callback_secret (string): a secret of yours, of at least 16 characters, with which every
     *   callback address is signed: then verifyCallback() refuses a notice that was not sent to an
     *   address you gave.
     * - callback_secret_previous (string): the secret before this one: addresses signed with it are
     *   still good.
     * - library (string): the libflexpay.so to load, if none is preloaded. A process has one;
     *   another is refused. A relative path starts at the working folder.
     *
     * @param array<string, string|int|bool|null> $options
     *
     * @throws FlexPayException InvalidArgumentException, whose getField() names the option;
     *                          LibraryException
     */
    public function __construct(
        #[\SensitiveParameter]
        array $options
    ) {
        $this->close(); // where it is called once more
        $given = new Options($options, array_merge(self::TEXTS, self::OTHERS));
        $texts = $given->texts(self::TEXTS);
        $numbers = [
            'environment' => $given->choice('environment', self::ENVIRONMENTS),
            'api' => $given->choice('api', self::APIS),
            'timeout_ms' => $given->milliseconds('timeout_ms'),
            'connect_timeout_ms' => $given->milliseconds('connect_timeout_ms'),
            'flags' => $given->flag('allow_plain_http', Abi::FLAG_ALLOW_PLAIN_HTTP)
                | $given->flag('check_once', Abi::FLAG_CHECK_ONCE)
                | $given->flag('system_roots', Abi::FLAG_SYSTEM_ROOTS)
                | $given->flag('private_connections', Abi::FLAG_PRIVATE_CONNECTIONS),
        ];
        $this->library = Library::load($given->text('library'));
        $this->handle = $this->library->newClient($texts, $numbers);
    }

    /**
     * Makes a client from the environment of the process: FLEXPAY_MERCHANT, FLEXPAY_TOKEN,
     * FLEXPAY_ENVIRONMENT, FLEXPAY_API, FLEXPAY_PAY_URL, FLEXPAY_CHECK_URL, FLEXPAY_TIMEOUT_MS,
     * FLEXPAY_CONNECT_TIMEOUT_MS, FLEXPAY_CA_FILE, FLEXPAY_PROXY, FLEXPAY_APP_NAME,
     * FLEXPAY_CALLBACK_SECRET, FLEXPAY_CALLBACK_SECRET_PREVIOUS, FLEXPAY_ALLOW_PLAIN_HTTP,
     * FLEXPAY_CHECK_ONCE, FLEXPAY_SYSTEM_ROOTS and FLEXPAY_PRIVATE_CONNECTIONS ("0", "1"). Only the
     * first two are needed.
     *
     * In PHP-FPM that is the pool's `env[...]`, not the web server's fastcgi_param.
     *
     * @throws FlexPayException InvalidArgumentException, whose getField() names the variable;
     *                          LibraryException
     */
    public static function fromEnvironment(): self
    {
        $client = (new \ReflectionClass(self::class))->newInstanceWithoutConstructor();
        $client->library = Library::load();
        $client->handle = $client->library->newClientFromEnvironment();

        return $client;
    }

    /**
     * Asks the gateway to take in a payment, and returns where to send the customer. The request is
     * sent AT MOST ONCE, whatever happens.
     *
     * Blocks up to timeout_ms.
     *
     * @throws FlexPayException InvalidArgumentException, ResolveException, ConnectException,
     *                          ProxyException, TlsException, TimeoutException, ConnectionException,
     *                          ReplyException, GatewayException, UnauthorizedException,
     *                          RefusedException, InternalException. getOutcome() says whether the
     *                          request may be repeated.
     */
    public function pay(PaymentRequest $request): Payment
    {
        $handle = $this->handle();

        return new Payment($this->library->pay($handle, $request->toArray()));
    }

    /**
     * Asks the gateway where an order stands. Asking changes nothing, so what a broken connection
     * or a failing gateway left unanswered is asked again, within the deadline. Returning says that
     * the order was found; whether it is paid, its state says.
     *
     * Blocks up to timeout_ms.
     *
     * @param string|null $orderNumber the gateway's number; a payment by the form (v1) has none, and
     *                                 null is refused with words that say so
     *
     * @throws FlexPayException as pay(), and NotFoundException
     */
    public function check(?string $orderNumber): Transaction
    {
        $handle = $this->handle();

        return new Transaction($this->library->check($handle, $orderNumber));
    }

    /**
     * Waits for the outcome of an order: asks again and again, less and less often, until it is
     * final or the time is up. Paid is final at once; failed, cancelled, refunding and refunded once
     * they have stood for a while. It goes on after an order not found (yet), a question refused, a
     * failing gateway and broken connections; a refused token ends it.
     *
     * Blocks up to the options' timeout_ms, ten minutes by default: not for a web request.
     *
     * @param string|null $orderNumber the gateway's number; a payment by the form (v1) has none, and
     *                                 null is refused with words that say so
     *
     * @throws FlexPayException InvalidArgumentException, TimeoutException (its message has the last
     *                          thing seen), CancelledException, MismatchException,
     *                          UnauthorizedException, TlsException, InternalException
     */
    public function wait(?string $orderNumber, ?WaitOptions $options = null): Transaction
    {
        $handle = $this->handle();
        $options = $options ?? new WaitOptions();
        $cancel = $options->getCancelToken();
        $expected = $options->getExpected();

        return new Transaction($this->library->wait(
            $handle,
            $orderNumber,
            $options->getTimes(),
            $cancel === null ? null : $cancel->handle(),
            $expected === null ? null : $expected->toArray()
        ));
    }

    /**
     * Gives the verdict on a callback: reads it, asks the gateway about its order, and compares
     * reference, amount and currency with what you asked for. Where the client has a
     * callback_secret, the address the callback came to must carry its signature; otherwise nothing
     * is asked.
     *
     * Returning means: this transaction IS the one you asked for. Whether it is paid, its state
     * says: mark an order paid only when isPaid().
     *
     * Blocks up to timeout_ms.
     *
     * @param string   $body     the body as it came: file_get_contents('php://input')
     * @param Expected $expected what you asked for, from your own records
     *
     * @throws FlexPayException CallbackException, MismatchException, and those of check()
     */
    public function verifyCallback(string $body, Expected $expected): Transaction
    {
        $handle = $this->handle();

        return new Transaction($this->library->verifyCallback($handle, $body, $expected->toArray()));
    }

    /**
     * Gives the verdict on an order, without a callback: asks the gateway about the order number
     * that you recorded, and compares reference, amount and currency with what you asked for. For a
     * sweep over open orders. The query of $expected and the client's callback_secret are not used.
     *
     * Returning means: this transaction IS the one you asked for. Whether it is paid, its state
     * says: mark an order paid only when isPaid().
     *
     * Blocks up to timeout_ms.
     *
     * @param Expected $expected what you asked for, from your own records, with its order number
     *
     * @throws FlexPayException MismatchException, and those of check(); InvalidArgumentException
     *                          where there is no order number
     */
    public function verifyOrder(Expected $expected): Transaction
    {
        $handle = $this->handle();

        return new Transaction($this->library->verifyOrder($handle, $expected->toArray()));
    }

    /** Closes the client and wipes its token. What is done twice is done once. */
    public function close(): void
    {
        if ($this->handle !== null) {
            $handle = $this->handle;
            $this->handle = null;
            $this->library->freeClient($handle);
        }
    }

    public function __destruct()
    {
        $this->close();
    }

    private function __clone()
    {
    }

    /** @return array<string, string> */
    public function __debugInfo(): array
    {
        return ['state' => $this->handle === null ? 'closed' : 'open'];
    }

    /** @return never */
    public function __serialize(): array
    {
        throw new \LogicException('A FlexPay client cannot be serialized.');
    }

    /** @param array<array-key, mixed> $data */
    public function __unserialize(array $data): void
    {
        throw new \LogicException('A FlexPay client cannot be unserialized.');
    }

    private function handle(): int
    {
        if ($this->handle === null) {
            throw new ClosedException(
                'client: was closed, or never made',
                Abi::ERROR_INVALID,
                FlexPayException::OUTCOME_NOT_SENT,
                'client'
            );
        }

        return $this->handle;
    }
}
