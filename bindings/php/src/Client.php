<?php

declare(strict_types=1);

namespace FlexPay;

use FlexPay\Exception\ClosedException;
use FlexPay\Exception\FlexPayException;
use FlexPay\Internal\Abi;
use FlexPay\Internal\Arguments;
use FlexPay\Internal\CallLog;
use FlexPay\Internal\Names;
use FlexPay\Internal\Options;
use FlexPay\Internal\Transport;
use FlexPay\Internal\Transports;

/**
 * A client for one merchant. Create one and keep it. A forked child process may continue to use it,
 * with its own connections.
 *
 * A call blocks until it finishes or times out. A request that could move money twice is never
 * repeated: when pay(), payMobile() or payout() fails, the exception's getOutcome() says whether you may
 * repeat it.
 *
 * With a PSR-3 logger, each call writes one record: at the level debug if it succeeded; warning if
 * nothing was sent or the gateway refused; error if the outcome is unknown. The record's context has
 * call ("pay_mobile"), result ("OK", "TIMEOUT"), outcome, correlation_id and trace (an array), and never
 * the token. If the logger throws, the call still returns its result, or throws its own exception, and
 * PHP's error log has the logger's message.
 *
 * Signal handlers of pcntl_async_signals() run after a call, not during it. An exception that a
 * handler throws then replaces the call's result: set a flag in the handler instead. Without FFI, they
 * also run during wait().
 *
 * @phpstan-import-type PaymentFields from Payment
 * @phpstan-import-type TransactionFields from Transaction
 * @phpstan-import-type SettlementFields from Settlement
 */
final class Client
{
    // written by make header: Filter
    /** Every entry. */
    public const JOURNAL_ALL = 'ALL';

    /** Entries whose state may still change. */
    public const JOURNAL_OPEN = 'OPEN';

    /** Entries in the state IN_DOUBT. */
    public const JOURNAL_IN_DOUBT = 'IN_DOUBT';

    /** Payments that are paid and not acknowledged. */
    public const JOURNAL_TO_DELIVER = 'TO_DELIVER';
    // end of Filter

    private const STRING_OPTIONS = [
        'merchant', 'token', 'pay_url', 'check_url', 'ca_file', 'proxy', 'app_name', 'callback_secret',
        'callback_secret_previous', 'mobile_url', 'payout_url', 'journal',
    ];

    private const OTHER_OPTIONS = [
        'environment', 'api', 'timeout_ms', 'connect_timeout_ms', 'allow_plain_http', 'check_once',
        'system_roots', 'private_connections', 'allow_payout', 'trace', 'transport', 'library', 'program',
    ];

    /** The default timeout of the library. */
    private const TIMEOUT_MS = 30000;

    private Transport $transport;

    /** The key of the client in the transport; null after close(). */
    private ?int $handle = null;

    /** null without a logger. */
    private ?CallLog $log = null;

    private int $timeoutMs = self::TIMEOUT_MS;

    private bool $signsCallbackUrls = false;

    private bool $hasJournal = false;

    /**
     * Creates a client. Checks the settings and reads ca_file. Sends nothing.
     *
     * Options:
     * - merchant (string): the merchant code. Required.
     * - token (string): the token, with or without "Bearer ". Required. The client does not keep it
     *   where PHP could print it.
     * - environment (string): "live" (default) or "test".
     * - api (string): "v1" (default), whose reply has no order number, or "v1.1", whose reply has
     *   the order number that check() and wait() need. The live gateway refuses a v1.1 request
     *   without its four URLs (callback_url, approve_url, cancel_url, decline_url).
     * - pay_url (string): the complete URL of the payment service, instead of the environment's.
     * - check_url (string): the URL of the check service, without the order number at its end.
     * - mobile_url (string): the complete URL of the service for payments by mobile money
     *   (".../paymentService"), instead of the environment's.
     * - payout_url (string): the complete URL of the payout service (".../merchantPayOutService"),
     *   instead of the environment's.
     * - timeout_ms (int): for the whole call, from DNS lookup to last byte. 0: 30 000.
     * - connect_timeout_ms (int): for DNS lookup, connection, proxy and TLS; part of timeout_ms.
     *   0: 10 000.
     * - ca_file (string): a PEM file of certificates to trust instead of the built-in ones.
     * - proxy (string): "http://user:password@host:port". The environment's proxy is not read.
     * - app_name (string): your software, for the User-Agent header: "BoutiqueZando/2.1".
     * - allow_plain_http (bool): Allows plain http to other machines: the token is then sent
     *   unencrypted.
     * - check_once (bool): A check does not retry after a failure of the network or the gateway: for
     *   callers that retry themselves.
     * - system_roots (bool): Trusts the system's certificates instead of the built-in ones. Not with
     *   ca_file.
     * - private_connections (bool): Gives the client its own connections and TLS sessions. Otherwise
     *   the clients of a PHP process share them, from one page to the next. The token is never
     *   shared.
     * - allow_payout (bool): Allows payouts. Without it, the client refuses to send money out, so that a
     *   shop that only sells cannot do so by mistake or after an attack.
     * - trace (bool): Adds a trace to each payment, transaction and error: what the call did, step by
     *   step, as JSON text for your log. It never contains the token, a body, or a header other than
     *   type and date. See getCallTrace() of Payment, Transaction and FlexPayException.
     * - callback_secret (string): your secret, at least 16 characters, used to sign every callback
     *   URL. verifyCallback() then refuses a callback that was not sent to a URL you gave.
     * - callback_secret_previous (string): the previous secret. URLs signed with it are still
     *   accepted.
     * - journal (string): the absolute path of a file on a disk of this machine, which is made if there is
     *   none. Payments and payouts then go through it: see settle(). A shop with several machines uses
     *   FlexPay\Journal\Journal instead, which refuses a client with this option.
     * - transport (string): "auto" (default): FFI where PHP allows it, and else the program flexpay.
     *   "ffi" or "program": only that one.
     * - library (string): for FFI, the libflexpay.so to load, if none is preloaded. A process has one
     *   library; a different one is refused. A relative path starts at the working directory.
     * - program (string): without FFI, the program flexpay to start. A relative path starts at the
     *   working directory.
     *
     * @param array<string, string|int|bool|null> $options
     * @param object|null                         $logger  a PSR-3 logger: any object with its method
     *                                                     log(). It turns the option trace on.
     *
     * @throws FlexPayException InvalidArgumentException, whose getField() names the option, or "logger";
     *                          LibraryException
     */
    public function __construct(
        #[\SensitiveParameter]
        array $options,
        $logger = null
    ) {
        $this->close(); // in case the constructor is called a second time
        $this->log = CallLog::to($logger);
        $given = new Options($options, array_merge(self::STRING_OPTIONS, self::OTHER_OPTIONS));
        $settings = $given->strings(self::STRING_OPTIONS) + [
            'environment' => $given->choice('environment', array_keys(Names::ENVIRONMENTS)),
            'api' => $given->choice('api', array_keys(Names::APIS)),
            'timeout_ms' => $given->milliseconds('timeout_ms'),
            'connect_timeout_ms' => $given->milliseconds('connect_timeout_ms'),
        ];
        foreach (array_keys(Names::FLAGS) as $name) {
            $settings[$name] = $given->flag($name);
        }
        $settings['trace'] = $settings['trace'] || $this->log !== null;
        $this->transport = Transports::choose(
            $given->choice('transport', Transports::NAMES),
            $given->string('library'),
            $given->string('program')
        );
        $this->handle = $this->transport->newClient($settings);
        $this->timeoutMs = $settings['timeout_ms'] ?: self::TIMEOUT_MS;
        $this->signsCallbackUrls = $settings['callback_secret'] !== null;
        $this->hasJournal = trim((string) $settings['journal']) !== '';
    }

    /**
     * Creates a client from the environment of the process: FLEXPAY_MERCHANT, FLEXPAY_TOKEN,
     * FLEXPAY_ENVIRONMENT, FLEXPAY_API, FLEXPAY_PAY_URL, FLEXPAY_CHECK_URL, FLEXPAY_MOBILE_URL,
     * FLEXPAY_PAYOUT_URL, FLEXPAY_TIMEOUT_MS, FLEXPAY_CONNECT_TIMEOUT_MS, FLEXPAY_CA_FILE,
     * FLEXPAY_PROXY, FLEXPAY_APP_NAME, FLEXPAY_CALLBACK_SECRET, FLEXPAY_CALLBACK_SECRET_PREVIOUS,
     * FLEXPAY_JOURNAL, FLEXPAY_ALLOW_PLAIN_HTTP, FLEXPAY_CHECK_ONCE, FLEXPAY_SYSTEM_ROOTS, FLEXPAY_PRIVATE_CONNECTIONS,
     * FLEXPAY_ALLOW_PAYOUT and FLEXPAY_TRACE ("0", "1"). Only the first two are required.
     *
     * In PHP-FPM, set them with the pool's `env[...]`, not the web server's fastcgi_param.
     *
     * @param object|null $logger a PSR-3 logger: any object with its method log(). Its records have a
     *                            trace if FLEXPAY_TRACE is 1.
     *
     * @throws FlexPayException InvalidArgumentException, whose getField() names the variable, or "logger";
     *                          LibraryException
     */
    public static function fromEnvironment($logger = null): self
    {
        $client = (new \ReflectionClass(self::class))->newInstanceWithoutConstructor();
        $client->log = CallLog::to($logger);
        $client->transport = Transports::choose('auto', null, null);
        $client->handle = $client->transport->newClientFromEnvironment();
        // Only the real environment, as the library reads it: not what the web server passes.
        $client->timeoutMs = (int) getenv('FLEXPAY_TIMEOUT_MS', true) ?: self::TIMEOUT_MS;
        $client->signsCallbackUrls = trim((string) getenv('FLEXPAY_CALLBACK_SECRET', true)) !== '';
        $client->hasJournal = trim((string) getenv('FLEXPAY_JOURNAL', true)) !== '';

        return $client;
    }

    /**
     * Sends a request for a payment by card, and returns where to send the customer. The request is
     * sent AT MOST ONCE, whatever happens.
     *
     * Blocks up to timeout_ms.
     *
     * @throws FlexPayException InvalidArgumentException, ResolveException, ConnectException,
     *                          ProxyException, TlsException, TimeoutException, ConnectionException,
     *                          ReplyException, GatewayException, UnauthorizedException,
     *                          RefusedException, InternalException; with a journal also
     *                          JournalException, InProgressException, InDoubtException. getOutcome()
     *                          says whether the request may be repeated.
     */
    public function pay(PaymentRequest $request): Payment
    {
        return $this->payment('pay', function (int $handle) use ($request): array {
            return $this->transport->pay($handle, $request->toArray());
        });
    }

    /**
     * Sends a request for a payment by mobile money (M-Pesa, Orange Money, Airtel Money, Afrimoney). The
     * request is sent AT MOST ONCE, whatever happens.
     *
     * The customer receives a message on the phone, and confirms with a PIN: there is no page. Record the
     * order number. Then wait for the callback or, in a script, call wait() with an Expected of
     * Expected::KIND_MOBILE.
     *
     * Blocks up to timeout_ms.
     *
     * @throws FlexPayException as pay()
     */
    public function payMobile(MobileRequest $request): Payment
    {
        return $this->payment('pay_mobile', function (int $handle) use ($request): array {
            return $this->transport->payMobile($handle, $request->toArray());
        });
    }

    /**
     * Sends your money to a mobile money account. The request is sent AT MOST ONCE, whatever happens: a
     * repeated payout gives the money away.
     *
     * Refused without the option allow_payout (InvalidArgumentException, field "allow_payout"): set it only
     * in the program that makes payouts.
     *
     * If it returns, the gateway accepted the payout. The beneficiary has the money when verifyOrder(), with
     * an Expected of Expected::KIND_PAYOUT, returns Transaction::STATE_PAID.
     *
     * Blocks up to timeout_ms.
     *
     * @throws FlexPayException as pay()
     */
    public function payout(PayoutRequest $request): Payment
    {
        return $this->payment('payout', function (int $handle) use ($request): array {
            return $this->transport->payout($handle, $request->toArray());
        });
    }

    /**
     * Requests the state of an order from the gateway. A check changes nothing, so it is retried
     * within the deadline after a broken connection or a gateway failure. If it returns, the order
     * was found; its state says whether it is paid.
     *
     * Blocks up to timeout_ms.
     *
     * @param string|null $orderNumber the gateway's number. A payment made with the api "v1" has
     *                                 none: null is refused, and the message explains why.
     *
     * @throws FlexPayException as pay(), and NotFoundException
     */
    public function check(?string $orderNumber): Transaction
    {
        return $this->transaction('check', function (int $handle) use ($orderNumber): array {
            return $this->transport->check($handle, $orderNumber);
        });
    }

    /**
     * Waits for the outcome of an order: sends checks, at growing intervals, until the state is
     * final or the time is up. PAID ends it at once. FAILED, CANCELLED, REFUNDING and REFUNDED end it
     * after they have stayed unchanged for failed_grace_ms: the gateway can still report PAID later
     * (see Transaction::STATE_FAILED). The wait continues when the order
     * is not found (yet), a check is refused, the gateway fails or a connection breaks. A refused
     * token ends it.
     *
     * Blocks up to the options' timeout_ms, ten minutes by default (five for a mobile payment): not for a
     * web request.
     *
     * @param string|null $orderNumber the gateway's number. A payment made with the api "v1" has
     *                                 none: null is refused, and the message explains why.
     *
     * @throws FlexPayException InvalidArgumentException, TimeoutException (its message has the last
     *                          result seen), CancelledException, MismatchException,
     *                          UnauthorizedException, TlsException, InternalException
     */
    public function wait(?string $orderNumber, ?WaitOptions $options = null): Transaction
    {
        $options = $options ?? new WaitOptions();

        return $this->transaction('wait', function (int $handle) use ($orderNumber, $options): array {
            $expected = $options->getExpected();

            return $this->transport->wait(
                $handle,
                $orderNumber,
                $options->getTimes() + ['correlation_id' => $options->getCorrelationId()],
                $options->getCancelToken(),
                $expected === null ? null : $expected->toArray()
            );
        });
    }

    /**
     * Verifies a callback: reads it, checks its order with the gateway, and compares reference,
     * amount and currency with what you requested. If the client has a callback_secret, the URL that
     * received the callback must contain a valid signature; otherwise no check is sent.
     *
     * If it returns, this transaction IS the one you requested. Its state says whether it is paid:
     * mark an order as paid only when isPaid().
     *
     * Blocks up to timeout_ms.
     *
     * @param string   $body     the body as received: file_get_contents('php://input')
     * @param Expected $expected what you requested, from your own records
     *
     * @throws FlexPayException CallbackException, MismatchException, and those of check()
     */
    public function verifyCallback(string $body, Expected $expected): Transaction
    {
        return $this->transaction('verify_callback', function (int $handle) use ($body, $expected): array {
            return $this->transport->verifyCallback($handle, $body, $expected->toArray());
        });
    }

    /**
     * Verifies an order without a callback: checks the order number that you recorded with the
     * gateway, and compares reference, amount and currency with what you requested. For a script
     * that checks open orders. The query of $expected and the client's callback_secret are not used.
     *
     * If it returns, this transaction IS the one you requested. Its state says whether it is paid:
     * mark an order as paid only when isPaid().
     *
     * Blocks up to timeout_ms.
     *
     * @param Expected $expected what you requested, from your own records, with its order number
     *
     * @throws FlexPayException MismatchException, and those of check(); InvalidArgumentException
     *                          if there is no order number
     */
    public function verifyOrder(Expected $expected): Transaction
    {
        return $this->transaction('verify_order', function (int $handle) use ($expected): array {
            return $this->transport->verifyOrder($handle, $expected->toArray());
        });
    }

    /**
     * Finds out what became of a payment or payout of the journal: asks the gateway about its order,
     * compares reference, amount, currency and kind with the entry, and records the state. If the order
     * number is not known, the gateway cannot be asked: the entry is returned as it is.
     *
     * With the client's option journal (FLEXPAY_JOURNAL), pay(), payMobile() and payout() go through the
     * journal: the request is on the disk before the first byte leaves, and the result before the call
     * returns. A second call under the same reference sends nothing: it returns the recorded payment
     * (isRecorded()), or throws InDoubtException or InProgressException; with another amount, currency, kind
     * or phone, InvalidArgumentException. After NOT_SENT and REFUSED the request may be sent again.
     *
     *     at the start     reconcile(): deliver what isToDeliver(), show what is IN_DOUBT
     *     for each sale    pay() or payMobile(), then settle() with WaitOptions
     *     to deliver       journalAcknowledge(); deliver if its result hasChanged()
     *
     * Blocks up to timeout_ms or that of the WaitOptions, and up to 10 s if another program is writing.
     *
     * @param WaitOptions|null $wait null asks once. Otherwise the call waits as wait() does, but compares
     *                               with the entry, and not with the option expected.
     *
     * @throws FlexPayException JournalException, and those of verifyOrder() or wait(); the entry then keeps
     *                          its state. InvalidArgumentException, field "reference", if the journal does
     *                          not have it.
     */
    public function settle(string $reference, ?WaitOptions $wait = null): Settlement
    {
        return $this->settlement('settle', function (int $handle) use ($reference, $wait): array {
            return $this->transport->settle(
                $handle,
                $reference,
                $wait === null ? null : $wait->getTimes() + ['correlation_id' => $wait->getCorrelationId()],
                $wait === null ? null : $wait->getCancelToken()
            );
        });
    }

    /**
     * Finds out what became of the payment or payout that a callback is about: finds its entry in the
     * journal, asks the gateway, compares as verifyCallback() does, and records the state. The entry takes
     * the place of Expected.
     *
     * Reply to the callback with HTTP 200 if it returns. After an InvalidArgumentException with the field
     * "reference" the payment is not in this journal: reply with 404 and log it.
     *
     * Blocks as settle() does.
     *
     * @param string      $body  the body as received: file_get_contents('php://input')
     * @param string|null $query the query string of the callback's request ($_SERVER['QUERY_STRING']).
     *                           Required if the client has a callback_secret.
     *
     * @throws FlexPayException JournalException, and those of verifyCallback(); the entry then keeps its state
     */
    public function settleCallback(string $body, ?string $query = null): Settlement
    {
        return $this->settlement('settle_callback', function (int $handle) use ($body, $query): array {
            return $this->transport->settleCallback($handle, $body, $query);
        });
    }

    /**
     * Finds out what became of every open entry of the journal, as settle() does for one. Call it when the
     * program starts, and every few minutes.
     *
     * The list has every entry that was open, and every entry that is to be delivered, as they are now. If
     * the gateway cannot be reached, the time is over or the call was cancelled, it returns, and
     * getStopped() says why.
     *
     * Blocks up to $timeoutMs and the client's timeout_ms together.
     *
     * @param int $timeoutMs no further order is asked about after this time. 0: 300 000.
     *
     * @throws FlexPayException JournalException, InvalidArgumentException
     */
    public function reconcile(int $timeoutMs = 0, ?CancelToken $cancel = null): Reconciliation
    {
        $timeoutMs = Arguments::inRange('timeout_ms', $timeoutMs, 0);
        $found = $this->logged('reconcile', function (int $handle) use ($timeoutMs, $cancel): array {
            return $this->transport->reconcile($handle, $timeoutMs, $cancel);
        });
        $this->logEntries('reconcile', count($found['settlements']));

        return new Reconciliation(self::settlements($found['settlements']), $found['stopped']);
    }

    /**
     * Returns the entry of a reference, as it is recorded. Sends nothing.
     *
     * Blocks up to 10 s if another program is writing to the journal.
     *
     * @throws FlexPayException JournalException; InvalidArgumentException if the journal does not have it
     */
    public function journalGet(string $reference): Settlement
    {
        return $this->settlement('journal_get', function (int $handle) use ($reference): array {
            return $this->transport->journalGet($handle, $reference);
        });
    }

    /**
     * Lists entries of the journal, in the order of their references.
     *
     * Blocks up to 10 s if another program is writing to the journal.
     *
     * @param string $filter one of the JOURNAL_ constants
     * @param string $after  only entries whose reference comes after this one, in the order of bytes. For the
     *                       next page, the last reference of the page before. Empty: from the first.
     * @param int    $limit  how many at most. 0: 100.
     *
     * @return list<Settlement>
     *
     * @throws FlexPayException JournalException, InvalidArgumentException
     */
    public function journalList(string $filter = self::JOURNAL_ALL, string $after = '', int $limit = 0): array
    {
        Arguments::oneOf('filter', $filter, array_keys(Names::FILTERS));
        $limit = Arguments::inRange('limit', $limit, 0);
        $found = $this->logged('journal_list', function (int $handle) use ($filter, $after, $limit): array {
            return $this->transport->journalList($handle, $filter, $after, $limit);
        });
        $this->logEntries('journal_list', count($found));

        return self::settlements($found);
    }

    /**
     * Records that you deliver what was paid. Deliver if the result hasChanged(): of all calls for one
     * reference, only the first one gets that.
     *
     * Nothing is delivered twice. If the program ends after this call and before the delivery, nobody is told
     * again: after a crash, look at what was acknowledged last (getChangedAt()).
     *
     * Blocks up to 10 s if another program is writing to the journal.
     *
     * @throws FlexPayException JournalException; InvalidArgumentException if the entry is not PAID
     */
    public function journalAcknowledge(string $reference): Settlement
    {
        return $this->settlement('journal_acknowledge', function (int $handle) use ($reference): array {
            return $this->transport->journalAcknowledge($handle, $reference);
        });
    }

    /**
     * Records what a person says about an entry, and who says it and why.
     *
     * Blocks up to 10 s if another program is writing to the journal.
     *
     * @param string      $who         who says so; it is recorded
     * @param string      $why         why; it is recorded
     * @param string|null $state       Settlement::STATE_NOT_SENT: the merchant's console does not show the
     *                                 payment, and no program is sending it any more; the request may be
     *                                 sent again. STATE_FAILED or STATE_CANCELLED: it will not be paid. Only
     *                                 the gateway can say PAID.
     * @param string|null $orderNumber instead of a state: the order number that the console shows for it.
     *                                 The state stays IN_DOUBT until settle() has asked the gateway about
     *                                 that order.
     *
     * @throws FlexPayException JournalException, InProgressException; InvalidArgumentException, also if the
     *                          entry's state does not allow it
     */
    public function journalResolve(
        string $reference,
        string $who,
        string $why,
        ?string $state,
        ?string $orderNumber = null
    ): Settlement {
        if ($state !== null) {
            Arguments::oneOf('state', $state, array_keys(Names::RESOLUTIONS));
        }
        $resolution = [
            'reference' => $reference,
            'order_number' => $orderNumber,
            'who' => $who,
            'why' => $why,
            'state' => $state,
        ];

        return $this->settlement('journal_resolve', function (int $handle) use ($resolution): array {
            return $this->transport->journalResolve($handle, $resolution);
        });
    }

    /**
     * Removes old entries, so that the file does not grow for ever: those that are neither open nor to be
     * delivered, and that were not changed for some days, by this machine's clock. Returns how many. Their
     * references stay used: a payment with one of them is an InvalidArgumentException.
     *
     * Blocks until they are removed.
     *
     * @throws FlexPayException JournalException, InvalidArgumentException
     */
    public function journalPrune(int $days): int
    {
        $days = Arguments::inRange('days', $days, 0);
        $removed = $this->logged('journal_prune', function (int $handle) use ($days): int {
            return $this->transport->journalPrune($handle, $days);
        });
        $this->logEntries('journal_prune', $removed);

        return $removed;
    }

    /**
     * How long a request takes at most.
     *
     * @internal
     */
    public function timeoutMs(): int
    {
        return $this->timeoutMs;
    }

    /**
     * Whether it has a callback_secret.
     *
     * @internal
     */
    public function signsCallbackUrls(): bool
    {
        return $this->signsCallbackUrls;
    }

    /**
     * Whether it has a journal of its own, in a file.
     *
     * @internal
     */
    public function hasJournal(): bool
    {
        return $this->hasJournal;
    }

    /**
     * Closes the client and wipes its token. A second call does nothing. Without FFI, the program keeps the
     * token until the request ends, or another client takes its place.
     */
    public function close(): void
    {
        if ($this->handle !== null) {
            $handle = $this->handle;
            $this->handle = null;
            $this->transport->freeClient($handle);
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

    /**
     * Makes a call that returns a payment, and logs it.
     *
     * @param callable(int): PaymentFields $send receives the client's key in the transport
     *
     * @throws FlexPayException
     */
    private function payment(string $call, callable $send): Payment
    {
        $payment = new Payment($this->logged($call, $send));
        if ($this->log !== null) {
            $this->log->payment($call, $payment);
        }

        return $payment;
    }

    /**
     * Makes a call that returns a transaction, and logs it.
     *
     * @param callable(int): TransactionFields $send receives the client's key in the transport
     *
     * @throws FlexPayException
     */
    private function transaction(string $call, callable $send): Transaction
    {
        $transaction = new Transaction($this->logged($call, $send));
        if ($this->log !== null) {
            $this->log->transaction($call, $transaction);
        }

        return $transaction;
    }

    /**
     * Makes a call that returns an entry of the journal, and logs it.
     *
     * @param callable(int): SettlementFields $send receives the client's key in the transport
     *
     * @throws FlexPayException
     */
    private function settlement(string $call, callable $send): Settlement
    {
        $settlement = new Settlement($this->logged($call, $send));
        if ($this->log !== null) {
            $this->log->settlement($call, $settlement);
        }

        return $settlement;
    }

    /**
     * @param list<SettlementFields> $found
     *
     * @return list<Settlement>
     */
    private static function settlements(array $found): array
    {
        return array_map(static function (array $fields): Settlement {
            return new Settlement($fields);
        }, $found);
    }

    /**
     * Makes a call, and logs it if it fails.
     *
     * @template T
     *
     * @param callable(int): T $send receives the client's key in the transport
     *
     * @return T
     *
     * @throws FlexPayException
     */
    private function logged(string $call, callable $send)
    {
        try {
            return $send($this->handle());
        } catch (FlexPayException $failure) {
            if ($this->log !== null) {
                $this->log->failure($call, $failure);
            }
            throw $failure;
        }
    }

    private function logEntries(string $call, int $count): void
    {
        if ($this->log !== null) {
            $this->log->entries($call, $count);
        }
    }

    private function handle(): int
    {
        if ($this->handle === null) {
            throw new ClosedException(
                'client: was closed, or never created',
                Abi::ERROR_INVALID,
                FlexPayException::OUTCOME_NOT_SENT,
                'client'
            );
        }

        return $this->handle;
    }
}
