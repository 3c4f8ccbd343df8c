<?php

declare(strict_types=1);

namespace FlexPay\Journal;

use FlexPay\Callback;
use FlexPay\CancelToken;
use FlexPay\Client;
use FlexPay\Exception\CancelledException;
use FlexPay\Exception\ConnectException;
use FlexPay\Exception\FlexPayException;
use FlexPay\Exception\InvalidArgumentException;
use FlexPay\Exception\JournalException;
use FlexPay\Exception\MismatchException;
use FlexPay\Exception\NotFoundException;
use FlexPay\Exception\ProxyException;
use FlexPay\Exception\RefusedException;
use FlexPay\Exception\ResolveException;
use FlexPay\Exception\TlsException;
use FlexPay\Exception\UnauthorizedException;
use FlexPay\Expected;
use FlexPay\Internal\Arguments;
use FlexPay\Internal\ExceptionFactory;
use FlexPay\Internal\Names;
use FlexPay\Internal\Signals;
use FlexPay\Internal\Transports;
use FlexPay\MobileRequest;
use FlexPay\Payment;
use FlexPay\PaymentRequest;
use FlexPay\PayoutRequest;
use FlexPay\Phone;
use FlexPay\Reconciliation;
use FlexPay\Settlement;
use FlexPay\WaitOptions;

/**
 * The journal in the shop's own database: no crash, kill, power cut or double click makes the shop charge
 * twice, forget an order, or deliver twice. All programs and machines that use the table share it. Its calls
 * are those of a Client with the option journal; this client must have none.
 *
 *     $journal = new Journal($client, new PdoStore($pdo));
 *
 * TRANSACTIONS. pay(), payMobile(), payout() and reconcile() refuse an open transaction of the caller: what is
 * about to be sent must be committed before it is sent. The other calls write in the caller's transaction if
 * there is one, and else in their own: so one commit marks the order as paid, and the journal. settle() and
 * settleCallback() ask the gateway over the network: call them before you begin a transaction, if you can.
 * They lock no row before the gateway has replied. Acknowledge in the transaction that marks the order, as here:
 * whatever happens to its commit, the order says whether it is to be delivered.
 *
 *     $settlement = $journal->settleCallback($body, $query);
 *     if ($settlement->isToDeliver()) {
 *         $pdo->beginTransaction();
 *         if ($journal->acknowledge($settlement->getReference())->hasChanged()) {
 *             // UPDATE orders SET paid = 1 ...
 *         }
 *         $pdo->commit();
 *     }
 *
 * A SENDER THAT DIES. A call records a lease before it sends: two minutes more than the client's timeout, by
 * the clock of the database. When it has ended, the entry is IN_DOUBT. A call that was held up so long, or whose
 * machine was suspended so long, that its lease may end before its request does sends nothing: it asks the
 * database just before. What remains is a process that stands still between this question and its first byte for
 * longer than the lease, and sends when it goes on. The gateway then gets a second request only if a person has
 * resolved the entry as NOT_SENT meanwhile, and somebody paid again.
 *
 * A CONNECTION THAT IS LOST. There are two cases, each a JournalException.
 * 1. Before a commit: nothing was written. The outcome is NOT_SENT or, after the request was sent, that of the
 *    request: UNKNOWN if the gateway accepted it.
 * 2. The answer to a commit is lost: the outcome is UNKNOWN, because it may be recorded. A call that was about to
 *    send has sent nothing then; if its entry was written, it is SENDING until its lease ends, and IN_DOUBT after
 *    that. After acknowledge() in a transaction of its own, the next acknowledge() may return an entry that has
 *    not changed, and nobody delivers: in the order's own transaction this cannot happen.
 * A transaction that lost against others (deadlock, serialization failure) is repeated if it is the journal's own.
 *
 * THE DISK. What the database commits must be on its disk. That is not so with PostgreSQL's
 * synchronous_commit=off, with an innodb_flush_log_at_trx_commit other than 1 in MariaDB and MySQL, and with
 * synchronous=NORMAL in SQLite's WAL mode.
 *
 * A REPLICA. One that takes over without the newest commits has forgotten payments, and they could be sent again.
 * Use synchronous replication (PostgreSQL: synchronous_commit=on and synchronous_standby_names; MariaDB and MySQL:
 * semi-synchronous, without a timeout after which it is given up), and use the journal on the primary server alone.
 * After a failover, look at FlexPay's merchant console before anybody pays again.
 *
 * ONE TABLE is for one merchant and one environment (live or test). It has neither in it, so this is not checked:
 * with another client, the gateway is asked about orders that it does not know, and references collide.
 *
 * @phpstan-import-type Entry from Row
 */
final class Journal
{
    private const RECONCILE_MS = 300000;

    /** The width of the column. */
    private const LONGEST_REFERENCE = 255;

    /** How many entries are read at once. */
    private const PAGE = 200;

    /** The gateway answered, and the next order is as likely to have an answer. */
    private const ABOUT_THE_ORDER = [
        NotFoundException::class, MismatchException::class, InvalidArgumentException::class, RefusedException::class,
    ];

    /** Asking about another order would fail too. */
    private const ABOUT_ALL_ORDERS = [
        ResolveException::class, ConnectException::class, TlsException::class, ProxyException::class,
        UnauthorizedException::class, CancelledException::class, JournalException::class,
    ];

    /** After so many failures one after the other that are not about an order, no other order is asked about. */
    private const FAILURES_TO_STOP = 3;

    /** The outcomes of a request, by that of its exception. All others are UNKNOWN. */
    private const OUTCOMES = [
        FlexPayException::OUTCOME_NOT_SENT => FlexPayException::OUTCOME_NOT_SENT,
        FlexPayException::OUTCOME_UNUSABLE => FlexPayException::OUTCOME_NOT_SENT,
        FlexPayException::OUTCOME_REFUSED => FlexPayException::OUTCOME_REFUSED,
    ];

    private Client $client;

    private PdoStore $store;

    /** A request begins within this time after its call; its lease lasts as long, and as the longest request. */
    private int $marginSeconds = 120;

    /** @throws InvalidArgumentException if the client has a journal of its own: each would deliver once */
    public function __construct(Client $client, PdoStore $store)
    {
        if ($client->hasJournal()) {
            throw Arguments::invalid(
                'journal',
                'is set for the client (or FLEXPAY_JOURNAL is): set no journal for the client, or use its own'
            );
        }
        $this->client = $client;
        $this->store = $store;
    }

    // ---- Requests -----------------------------------------------------------------------------

    /**
     * Client::pay(), at most once under a reference, by however many processes. A second call under the
     * reference sends nothing: it returns the recorded payment (isRecorded()), or throws InDoubtException or
     * InProgressException; with another amount, currency or kind, InvalidArgumentException. After NOT_SENT and
     * REFUSED the request may be sent again.
     *
     * Blocks up to the client's timeout_ms, and as long as the database does.
     *
     * @throws FlexPayException those of Client::pay(); JournalException, InProgressException, InDoubtException.
     *                          JournalException if a transaction is open: commit it first.
     */
    public function pay(PaymentRequest $request): Payment
    {
        return $this->send($request, Expected::KIND_CARD, null, function () use ($request): Payment {
            return $this->client->pay($request);
        });
    }

    /**
     * Client::payMobile(), at most once under a reference: see pay().
     *
     * @throws FlexPayException as pay()
     */
    public function payMobile(MobileRequest $request): Payment
    {
        $phone = Phone::normalize($request->getPhone());

        return $this->send($request, Expected::KIND_MOBILE, $phone, function () use ($request): Payment {
            return $this->client->payMobile($request);
        });
    }

    /**
     * Client::payout(), at most once under a reference: see pay().
     *
     * @throws FlexPayException as pay()
     */
    public function payout(PayoutRequest $request): Payment
    {
        $phone = Phone::normalize($request->getPhone());

        return $this->send($request, Expected::KIND_PAYOUT, $phone, function () use ($request): Payment {
            return $this->client->payout($request);
        });
    }

    /**
     * @param PaymentRequest|MobileRequest|PayoutRequest $request
     * @param callable(): Payment                        $send
     *
     * @throws FlexPayException
     */
    private function send(object $request, string $kind, ?string $phone, callable $send): Payment
    {
        $this->store->refuseTransaction();
        $reference = $request->getReference();
        self::checkReference($reference);
        $terms = ['kind' => $kind, 'amount' => $request->getAmount(), 'currency' => $request->getCurrency()];
        Arguments::checkUtf8($terms);
        $event = [
            'event' => 'pay',
            'reference' => $reference,
            'terms' => $terms + ['phone' => $phone],
            'sender' => bin2hex(random_bytes(16)),
        ];
        // A handler that throws must not come between the reply and its record.
        $signals = Signals::disable();
        try {
            $lease = $this->marginSeconds + $this->requestSeconds();
            [$row, $reply] = $this->apply($reference, $event, $lease);
            if ($reply['action'] !== 'send') {
                return $row->payment();
            }

            return $this->sendAndRecord($row, $reply['attempt'], $send);
        } finally {
            Signals::restore($signals);
        }
    }

    /**
     * @param callable(): Payment $send
     *
     * @throws FlexPayException
     */
    private function sendAndRecord(Row $row, int $attempt, callable $send): Payment
    {
        $reference = $row->reference;
        try {
            $this->checkLease($row);
            $payment = $send();
        } catch (FlexPayException $failure) {
            $outcome = self::OUTCOMES[$failure->getOutcome()] ?? FlexPayException::OUTCOME_UNKNOWN;
            $this->recordReply($reference, $attempt, [
                'result' => 'failed',
                'code' => $failure->getCodeName(),
                'outcome' => $outcome,
                'gateway_message' => $failure->getGatewayMessage(),
                'order_number' => $failure->getOrderNumber(),
            ], $failure->getMessage(), $outcome);
            throw $failure;
        }
        $this->recordReply($reference, $attempt, [
            'result' => 'accepted',
            'order_number' => $payment->getOrderNumber(),
            'redirect_url' => $payment->getRedirectUrl(),
            'page' => $payment->getPage(),
            'code' => $payment->getCode(),
            'message' => $payment->getMessage(),
        ], 'the gateway accepted the payment', FlexPayException::OUTCOME_UNKNOWN);

        return $payment;
    }

    /**
     * Refuses to send if the lease may end before the request does. PHP's own clock would not do: it stops while
     * the machine is suspended.
     *
     * @throws JournalException
     */
    private function checkLease(Row $row): void
    {
        if ($this->store->leaseLeft($row) <= $this->requestSeconds()) {
            throw ExceptionFactory::journal(
                'it took too long to record the request: nothing was sent',
                FlexPayException::OUTCOME_NOT_SENT
            );
        }
    }

    /** The longest request, rounded up. */
    private function requestSeconds(): int
    {
        return 1 + intdiv($this->client->timeoutMs(), 1000);
    }

    /**
     * @param array<string, string|null> $reply
     * @param string                     $happened what to say if it cannot be recorded
     * @param string                     $outcome  of the exception then
     *
     * @throws FlexPayException
     */
    private function recordReply(
        string $reference,
        int $attempt,
        array $reply,
        string $happened,
        string $outcome
    ): void {
        try {
            [, $recorded] = $this->step($reference, ['event' => 'reply', 'attempt' => $attempt, 'reply' => $reply]);
        } catch (FlexPayException $failure) {
            $problem = "$happened, but this could not be recorded: {$failure->getMessage()}."
                . ' Do not pay again before the entry is settled';
            throw ExceptionFactory::journal($problem, $outcome, $reply['order_number'], $failure);
        }
        if ($recorded['error'] !== null) {
            // A person said NOT_SENT meanwhile, and the request was begun again.
            $orderNumber = $reply['order_number'] ?? $recorded['error']['order_number'];
            throw ExceptionFactory::fromJson(['order_number' => $orderNumber] + $recorded['error']);
        }
    }

    // ---- What became of them ------------------------------------------------------------------

    /**
     * Client::settle(): finds out what became of a payment or payout. It asks the gateway about its order, compares
     * it with the entry, and records the state. If the order number is not known, the gateway cannot be asked: the
     * entry is returned as it is.
     *
     * Blocks up to the client's timeout_ms or that of the WaitOptions, and as long as the database does.
     *
     * @param WaitOptions|null $wait null asks once. Otherwise the call waits as Client::wait() does, but
     *                               compares with the entry, and not with the option expected.
     *
     * @throws FlexPayException JournalException, and those of Client::verifyOrder() or wait(); the entry then
     *                          keeps its state. InvalidArgumentException, field "reference", if the journal
     *                          does not have it.
     */
    public function settle(string $reference, ?WaitOptions $wait = null): Settlement
    {
        self::checkReference($reference);
        // Whom to ask. Nothing is written or locked before the gateway has replied: what this event learns about
        // a sender that died, the next one learns too.
        $row = $this->store->read(function () use ($reference): ?Row {
            return $this->store->load($reference);
        });
        $reply = self::rule($row, ['event' => 'settle']);
        if ($row === null || $row->entry === null || $reply['action'] !== 'ask') {
            return $this->record($reference, ['event' => 'settle']);
        }
        $orderNumber = $reply['order_number'];
        $expected = $row->expected($orderNumber, null);
        try {
            $transaction = $wait === null
                ? $this->client->verifyOrder($expected)
                : $this->client->wait($orderNumber, $wait->withExpected($expected));
        } catch (FlexPayException $failure) {
            $this->record($reference, ['event' => 'no_verdict', 'answer' => $failure->getCodeName()]);
            throw $failure;
        }

        return $this->recordVerdict($row->entry, $orderNumber, $transaction->getState());
    }

    /**
     * Client::settleCallback(): finds the entry that a callback is about, asks the gateway, compares, and
     * records the state.
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
     * @throws FlexPayException JournalException, and those of Client::verifyCallback(); the entry then keeps
     *                          its state
     */
    public function settleCallback(string $body, ?string $query = null): Settlement
    {
        $callback = Callback::parse($body);
        $row = $this->rowOf($callback);
        $entry = $row->entry();
        $orderNumber = $this->orderToExpect($entry, $callback);
        // A failure is not recorded: anyone can send a callback.
        $transaction = $this->client->verifyCallback($body, $row->expected($orderNumber, $query));

        return $this->recordVerdict(
            $entry,
            (string) ($orderNumber ?? $callback->getOrderNumber()),
            $transaction->getState()
        );
    }

    /**
     * Client::reconcile(): finds out what became of every open entry. Run it from cron, every few minutes.
     *
     * The list has every entry that was open, and every entry that is to be delivered, as they are now. If the
     * gateway or the database cannot be reached any more, the time is over or the call was cancelled, it returns
     * what it found so far, and getStopped() says why. What concerns one entry alone is its getProblem().
     *
     * @param int $timeoutMs no further order is asked about after this time. 0: 300 000.
     *
     * @throws FlexPayException JournalException if the open entries cannot be listed, or if a transaction is open:
     *                          commit it first
     */
    public function reconcile(int $timeoutMs = 0, ?CancelToken $cancel = null): Reconciliation
    {
        $timeoutMs = Arguments::inRange('timeout_ms', $timeoutMs, 0) ?: self::RECONCILE_MS;
        // It would lock the rows of the first entries while it asks about the others.
        $this->store->refuseTransaction();
        $deadline = hrtime(true) + $timeoutMs * 1000000;
        $damaged = null;
        $open = $this->all(Client::JOURNAL_OPEN, $damaged);
        // It may be stopped early: begin at a random entry, so that every entry gets its turn.
        $first = $open === [] ? 0 : random_int(0, count($open) - 1);
        $found = [];
        $stopped = null;
        $failures = 0;
        foreach (array_merge(array_slice($open, $first), array_slice($open, 0, $first)) as $row) {
            $stopped = $stopped ?? self::stopReason($cancel, $deadline);
            try {
                if ($stopped === null) {
                    $found[$row->reference] = $this->settle($row->reference);
                    $failures = 0;
                } else {
                    $found[$row->reference] = $this->withoutTheGateway($row);
                }
            } catch (FlexPayException $failure) {
                $problem = self::problem($failure);
                $found[$row->reference] = $this->withProblem($row, $problem);
                $failures = self::isOneOf(self::ABOUT_THE_ORDER, $failure) ? 0 : $failures + 1;
                if (self::isOneOf(self::ABOUT_ALL_ORDERS, $failure) || $failures === self::FAILURES_TO_STOP) {
                    $stopped = $stopped ?? $problem;
                }
            }
        }
        try {
            $toDeliver = $this->all(Client::JOURNAL_TO_DELIVER, $damaged);
        } catch (JournalException $failure) {
            $toDeliver = [];
            $stopped = $stopped ?? self::problem($failure);
        }
        foreach ($toDeliver as $row) {
            $found += [$row->reference => $row->settlement()];
        }

        return new Reconciliation(array_values($found), $stopped ?? $damaged);
    }

    /** Why no further order is asked about. */
    private static function stopReason(?CancelToken $cancel, int $deadline): ?string
    {
        if ($cancel !== null && $cancel->isCancelled()) {
            return 'CANCELLED: reconciling was cancelled';
        }

        return hrtime(true) < $deadline ? null : 'TIMEOUT: reconciling took longer than its time limit';
    }

    /** What can be learnt about an entry without the gateway: that its sender died. */
    private function withoutTheGateway(Row $row): Settlement
    {
        $entry = $row->entry();
        $isDead = $entry['state'] === Settlement::STATE_SENDING && !$row->senderIsAlive;

        return $isDead ? $this->record($entry['reference'], ['event' => 'settle']) : $row->settlement();
    }

    /** The entry as it is now or, if it cannot be read any more, as it was. */
    private function withProblem(Row $row, string $problem): Settlement
    {
        try {
            return $this->row($row->reference)->settlement(false, $problem);
        } catch (FlexPayException $unreadable) {
            return $row->settlement(false, $problem);
        }
    }

    private static function problem(FlexPayException $failure): string
    {
        return $failure->getCodeName() . ': ' . $failure->getMessage();
    }

    /** @param list<class-string> $classes */
    private static function isOneOf(array $classes, FlexPayException $failure): bool
    {
        return in_array(get_class($failure), $classes, true);
    }

    // ---- What people see and say --------------------------------------------------------------

    /**
     * Returns the entry of a reference, as it is recorded. Sends nothing.
     *
     * @throws FlexPayException JournalException; InvalidArgumentException if the journal does not have it
     */
    public function get(string $reference): Settlement
    {
        self::checkReference($reference);

        return $this->row($reference)->settlement();
    }

    /**
     * Lists entries, in the order of their references.
     *
     * @param string $filter one of the JOURNAL_ constants of Client
     * @param string $after  only entries whose reference comes after this one, in the order of bytes. For the
     *                       next page, the last reference of the page before. Empty: from the first.
     * @param int    $limit  how many at most
     *
     * @return list<Settlement>
     *
     * @throws FlexPayException JournalException, InvalidArgumentException
     */
    public function list(string $filter = Client::JOURNAL_ALL, string $after = '', int $limit = 100): array
    {
        Arguments::oneOf('filter', $filter, array_keys(Names::FILTERS));
        Arguments::inRange('limit', $limit, 1, 1000000);
        Arguments::checkNoNul(['after' => $after]);
        Arguments::checkUtf8(['after' => $after]);

        $rows = $this->page($filter, $after, $limit);

        return array_map(static function (Row $row): Settlement {
            return $row->settlement();
        }, $rows);
    }

    /**
     * Records that you deliver what was paid. Deliver if the result hasChanged(): of all calls for one reference,
     * only the first one gets that. In a transaction of yours it counts once you commit.
     *
     * @throws FlexPayException JournalException; InvalidArgumentException if the entry is not PAID
     */
    public function acknowledge(string $reference): Settlement
    {
        self::checkReference($reference);

        return $this->record($reference, ['event' => 'acknowledge']);
    }

    /**
     * Records what a person says about an entry, and who says it and why: see Client::journalResolve().
     *
     * @param string|null $state       Settlement::STATE_NOT_SENT, STATE_FAILED or STATE_CANCELLED
     * @param string|null $orderNumber instead of a state; then call settle()
     *
     * @throws FlexPayException JournalException, InProgressException; InvalidArgumentException, also if the
     *                          entry's state does not allow it
     */
    public function resolve(
        string $reference,
        string $who,
        string $why,
        ?string $state,
        ?string $orderNumber = null
    ): Settlement {
        self::checkReference($reference);
        Arguments::checkUtf8(['who' => $who, 'why' => $why, 'order_number' => $orderNumber]);
        if (($state === null) === ($orderNumber === null)) {
            throw Arguments::invalid('state', 'or order_number is required, and not both');
        }
        $resolution = ['state' => 'ORDER', 'order_number' => $orderNumber];
        if ($state !== null) {
            Arguments::oneOf('state', $state, array_keys(Names::RESOLUTIONS));
            $resolution = ['state' => $state];
        }
        $event = ['event' => 'resolve', 'resolution' => $resolution, 'who' => $who, 'why' => $why];

        return $this->record($reference, $event);
    }

    /**
     * Removes old entries: those that are neither open nor to be delivered, and that were not changed for some
     * days, by the clock of the database. Returns how many. Their references stay used: a payment with one of
     * them is an InvalidArgumentException. Those of NOT_SENT and REFUSED are free again.
     *
     * @param int $days at least 1: a late reply to a request must still find its attempt
     *
     * @throws FlexPayException JournalException, InvalidArgumentException
     */
    public function prune(int $days): int
    {
        return $this->store->prune(Arguments::inRange('days', $days, 1, 1000000));
    }

    // ---- The rule -----------------------------------------------------------------------------

    /**
     * Asks the rule of the library: see docs/journal.md.
     *
     * @param array<string, mixed> $event
     *
     * @return array<string, mixed> its reply
     *
     * @throws FlexPayException
     */
    private static function rule(?Row $row, array $event): array
    {
        $request = [
            'entry' => $row === null ? null : $row->entry(),
            'sender_is_alive' => $row !== null && $row->senderIsAlive,
            'event' => $event,
        ];

        return Transports::current()->journalStep(
            json_encode($request, JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE | JSON_THROW_ON_ERROR)
        );
    }

    /**
     * Gives an event to the entry of a reference, in one transaction.
     *
     * @param array<string, mixed> $event
     *
     * @return array{Row|null, array<string, mixed>} the row as it is now, and the reply of the rule
     *
     * @throws FlexPayException
     */
    private function step(string $reference, array $event, int $lease = 0): array
    {
        return $this->store->transaction(function (bool $isCallers) use ($reference, $event, $lease): ?array {
            // The caller's transaction may have begun before the newest version was written.
            $row = $this->store->load($reference, $isCallers);
            $reply = self::rule($row, $event);
            if ($reply['entry'] === null) {
                return [$row, $reply];
            }
            $isSaved = $this->store->save($row, $reply, $reply['action'] === 'send' ? $lease : 0);

            return $isSaved ? [$this->store->load($reference), $reply] : null;
        });
    }

    /**
     * The same. Throws the exception of an event that the rule refuses.
     *
     * @param array<string, mixed> $event
     *
     * @return array{Row, array<string, mixed>}
     *
     * @throws FlexPayException
     */
    private function apply(string $reference, array $event, int $lease = 0): array
    {
        [$row, $reply] = $this->step($reference, $event, $lease);
        if ($row === null || $reply['error'] !== null) {
            throw ExceptionFactory::fromJson($reply['error']);
        }

        return [$row, $reply];
    }

    /** @param array<string, mixed> $event */
    private function record(string $reference, array $event): Settlement
    {
        [$row, $reply] = $this->apply($reference, $event);

        return $row->settlement($reply['changed']);
    }

    /**
     * Records the gateway's word on an order, after it was compared with the entry.
     *
     * @param Entry $entry as it was when the gateway was asked
     */
    private function recordVerdict(array $entry, string $orderNumber, string $state): Settlement
    {
        return $this->record($entry['reference'], [
            'event' => 'verdict',
            'order_number' => $orderNumber,
            'state' => $state,
            'amount' => $entry['amount'],
            'currency' => $entry['currency'],
            'at' => $this->store->time(),
        ]);
    }

    // ---- Entries ------------------------------------------------------------------------------

    private function row(string $reference): Row
    {
        return $this->store->read(function () use ($reference): ?Row {
            return $this->store->load($reference);
        }) ?? self::notFound();
    }

    /** The row of the entry that a callback is about. Nothing in the callback is believed yet. */
    private function rowOf(Callback $callback): Row
    {
        return $this->store->read(function () use ($callback): ?Row {
            $reference = $callback->getReference();
            $row = $reference === null ? null : $this->store->load($reference);
            // The gateway has been seen to send the order number in place of the reference.
            foreach ([$callback->getOrderNumber(), $reference] as $number) {
                $row = $row ?? ($number === null ? null : $this->store->findByOrderNumber($number));
            }

            return $row;
        }) ?? self::notFound();
    }

    /** @return list<Row> */
    private function page(string $filter, string $after, int $limit): array
    {
        return $this->store->read(function () use ($filter, $after, $limit): array {
            return $this->store->list($filter, $after, $limit);
        });
    }

    /**
     * @param string|null $damaged becomes why an entry cannot be read; the others are returned
     *
     * @return list<Row>
     */
    private function all(string $filter, ?string &$damaged): array
    {
        $all = [];
        $after = '';
        do {
            $page = $this->page($filter, $after, self::PAGE);
            foreach ($page as $row) {
                $after = $row->reference;
                if ($row->entry === null) {
                    $damaged = 'JOURNAL: ' . $row->damage();
                } else {
                    $all[] = $row;
                }
            }
        } while (count($page) === self::PAGE);

        return $all;
    }

    /**
     * @return never
     *
     * @throws InvalidArgumentException
     */
    private static function notFound(): void
    {
        throw Arguments::invalid('reference', 'is not in the journal');
    }

    private static function checkReference(string $reference): void
    {
        Arguments::checkNoNul(['reference' => $reference]);
        Arguments::checkUtf8(['reference' => $reference]);
        if (preg_match('/^.{0,' . self::LONGEST_REFERENCE . '}$/Dsu', $reference) !== 1) {
            throw Arguments::invalid('reference', 'is longer than ' . self::LONGEST_REFERENCE . ' characters');
        }
    }

    /**
     * The order number to expect of a callback. null: the callback's own is asked about, because the gateway may
     * have another order under the reference. For a payout without signed URLs it is always the recorded one:
     * anyone can write a callback, and the gateway does not say of an order that it is a payout.
     *
     * @param Entry $entry
     */
    private function orderToExpect(array $entry, Callback $callback): ?string
    {
        $isOther = !in_array($callback->getOrderNumber(), [null, $entry['order_number']], true);
        $mayAskOther = $this->client->signsCallbackUrls() || $entry['kind'] !== Expected::KIND_PAYOUT;

        return $isOther && $mayAskOther ? null : $entry['order_number'];
    }
}
