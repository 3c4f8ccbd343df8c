<?php

declare(strict_types=1);

namespace FlexPay\Tests\Support;

use FlexPay\CancelToken;
use FlexPay\Client;
use FlexPay\Exception\CallbackException;
use FlexPay\Exception\FlexPayException;
use FlexPay\Exception\InDoubtException;
use FlexPay\Exception\InvalidArgumentException;
use FlexPay\Exception\MismatchException;
use FlexPay\Exception\RefusedException;
use FlexPay\Expected;
use FlexPay\Journal\Journal;
use FlexPay\Journal\PdoStore;
use FlexPay\MobileRequest;
use FlexPay\PayoutRequest;
use FlexPay\Settlement;
use FlexPay\WaitOptions;

/** What the journal promises, whatever the database. */
trait JournalPromises
{
    public function testAPaymentFromBeginningToEnd(): void
    {
        $payment = $this->journal->pay(self::card());
        self::assertFalse($payment->isRecorded());
        $again = $this->journal->pay(self::card('R-1', '25.5'));
        self::assertTrue($again->isRecorded());
        self::assertSame($payment->getOrderNumber(), $again->getOrderNumber());
        self::assertSame($payment->getRedirectUrl(), $again->getRedirectUrl());
        self::assertSame($payment->getMessage(), $again->getMessage());
        self::assertNull($again->getCallTrace());
        self::assertSame(1, $this->sent());

        $open = $this->journal->settle('R-1');
        self::assertSame(Settlement::STATE_ACCEPTED, $open->getState());
        self::assertTrue($open->isOpen());
        self::assertSame('PENDING', $open->getLastAnswer());

        $this->sandbox->decide((string) $payment->getOrderNumber(), 'approve');
        $paid = $this->journal->settle('R-1', new WaitOptions(['interval_ms' => 10]));
        self::assertTrue($paid->isPaid() && $paid->hasChanged() && $paid->isToDeliver() && !$paid->isOpen());
        self::assertSame([Expected::KIND_CARD, '25.50', 'USD'], [
            $paid->getKind(), $paid->getAmount(), $paid->getCurrency(),
        ]);
        self::assertSame($payment->getOrderNumber(), $paid->getOrderNumber());
        self::assertMatchesRegularExpression('/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/', $paid->getCreatedAt());
        self::assertGreaterThanOrEqual($paid->getCreatedAt(), $paid->getChangedAt());
        self::assertFalse($this->journal->settle('R-1')->hasChanged());

        self::assertTrue($this->journal->acknowledge('R-1')->hasChanged());
        self::assertFalse($this->journal->acknowledge('R-1')->hasChanged());
        self::assertFalse($this->journal->get('R-1')->isToDeliver());
    }

    public function testOtherTermsAreRefusedByName(): void
    {
        $request = static function (string $amount, string $currency, string $phone): MobileRequest {
            return new MobileRequest('R-1', $amount, $currency, $phone, 'http://127.0.0.1:9/');
        };
        $this->journal->payMobile($request('5750', 'CDF', '0812345678'));
        $others = [
            'amount' => $request('5751', 'CDF', '0812345678'),
            'currency' => $request('5750', 'USD', '0812345678'),
            'phone' => $request('5750', 'CDF', '0812345679'),
        ];
        foreach ($others as $field => $other) {
            $failure = self::failure(function () use ($other): void {
                $this->journal->payMobile($other);
            });
            self::assertInstanceOf(InvalidArgumentException::class, $failure);
            self::assertSame($field, $failure->getField());
        }
        $failure = self::failure(function (): void {
            $this->pay();
        });
        self::assertSame('kind', $failure->getField());
        self::assertTrue($this->journal->payMobile($request('5750.00', 'CDF', '+243 81 234 56 78'))->isRecorded());
        self::assertSame('243812345678', $this->journal->get('R-1')->getPhone());
        self::assertSame(1, $this->sent());
    }

    public function testAPayout(): void
    {
        $payout = $this->journal->payout(
            new PayoutRequest('R-1', '10', 'USD', '0812345678', 'http://127.0.0.1:9/callback')
        );
        self::assertSame(Expected::KIND_PAYOUT, $this->journal->get('R-1')->getKind());
        // Anyone can write a callback that names another order: the recorded one is asked about.
        $other = $this->paid('R-2');
        self::assertNotSame(Settlement::STATE_FAILED, $this->journal->settleCallback(
            self::notice('R-1', (string) $payout->getOrderNumber())
        )->getState());
        $failure = self::failure(function () use ($other): void {
            $this->journal->settleCallback(self::notice('R-1', $other));
        });
        self::assertInstanceOf(MismatchException::class, $failure);
        self::assertNull($this->journal->get('R-1')->getOtherOrderNumber());

        $forbidden = new Journal($this->client(), new PdoStore($this->pdo));
        $failure = self::failure(static function () use ($forbidden): void {
            $forbidden->payout(new PayoutRequest('R-3', '10', 'USD', '0812345678', 'http://127.0.0.1:9/callback'));
        });
        self::assertSame('allow_payout', $failure->getField());
        self::assertSame(Settlement::STATE_NOT_SENT, $this->state('R-3'));
    }

    public function testInDoubtAndACallback(): void
    {
        $order = $this->payInDoubt();
        $failure = self::failure(function (): void {
            $this->pay();
        });
        self::assertInstanceOf(InDoubtException::class, $failure);
        self::assertSame(FlexPayException::OUTCOME_UNKNOWN, $failure->getOutcome());
        self::assertSame(Settlement::STATE_IN_DOUBT, $this->journal->settle('R-1')->getState());
        self::assertSame(['R-1'], $this->listed(Client::JOURNAL_IN_DOUBT));

        $this->sandbox->decide($order, 'approve');
        self::assertTrue($this->journal->settleCallback(self::notice('R-1', $order))->hasChanged());
        self::assertTrue($this->journal->get('R-1')->isToDeliver());
        self::assertSame(1, $this->sent());
    }

    /** The gateway must say FAILED ten times, in different minutes of the database's clock. */
    public function testAFailureClosesTheEntryAfterTenMinutes(): void
    {
        $this->sandbox->decide($this->pay(), 'decline');
        for ($times = 1; $times <= 10; $times++) {
            self::assertSame($times < 10, $this->journal->settle('R-1')->isOpen());
            self::assertSame($times < 10, $this->journal->settle('R-1')->isOpen(), 'twice in a minute counts once');
            $entry = json_decode((string) $this->pdo->query('SELECT entry FROM flexpay_journal')->fetchColumn(), true);
            self::assertSame($times, $entry['failures']);
            $entry['failure_at'] -= 60;
            $this->pdo->prepare('UPDATE flexpay_journal SET entry = ?')->execute([json_encode($entry)]);
        }
    }

    public function testASignedCallback(): void
    {
        $client = $this->client(['callback_secret' => 'a secret of the shop', 'allow_payout' => true]);
        $journal = new Journal($client, new PdoStore($this->pdo));
        $order = (string) $journal->pay(self::card())->getOrderNumber();
        $query = (string) parse_url((string) $this->sandbox->payments()[0]['callback_url'], PHP_URL_QUERY);
        $this->sandbox->decide($order, 'approve');
        $body = self::notice('R-1', $order);
        foreach (['' => 'query', 'flexpay-signature=forged' => null] as $forged => $field) {
            $failure = self::failure(static function () use ($journal, $body, $forged): void {
                $journal->settleCallback($body, $forged === '' ? null : $forged);
            });
            self::assertSame($field ?? 'query', $failure->getField());
        }
        self::assertFalse($this->journal->get('R-1')->isPaid());
        self::assertTrue($journal->settleCallback($body, $query)->isPaid());
    }

    public function testARequestThatWasNotSentOrWasRefusedMayBeSentAgain(): void
    {
        $this->notSent();
        self::assertSame(Settlement::STATE_NOT_SENT, $this->state());
        self::assertSame('CONNECT', $this->journal->get('R-1')->getLastAnswer());

        $long = str_repeat('x', 30); // the gateway refuses it
        $failure = self::failure(function () use ($long): void {
            $this->pay($long);
        });
        self::assertInstanceOf(RefusedException::class, $failure);
        self::assertSame(Settlement::STATE_REFUSED, $this->state($long));

        self::assertFalse($this->journal->pay(self::card('R-1', '30'))->isRecorded());
        self::assertSame('30', $this->journal->get('R-1')->getAmount());
        self::assertSame(2, $this->sent());
    }

    /** The gateway has the reference already, from before there was a journal. */
    public function testAReferenceThatTheGatewayKnows(): void
    {
        $this->client->pay(self::card());
        $failure = self::failure(function (): void {
            $this->pay();
        });
        self::assertInstanceOf(RefusedException::class, $failure);
        self::assertSame(Settlement::STATE_IN_DOUBT, $this->state());
    }

    public function testCallbacksThatAreNotBelieved(): void
    {
        $this->pay();
        $other = $this->paid('R-2');
        $bodies = [
            [self::notice('R-1', $other), MismatchException::class],
            [self::notice('R-3', 'O-3'), InvalidArgumentException::class],
            ['nonsense', CallbackException::class],
        ];
        foreach ($bodies as [$body, $class]) {
            $failure = self::failure(function () use ($body): void {
                $this->journal->settleCallback($body);
            });
            self::assertInstanceOf($class, $failure);
            if ($class === InvalidArgumentException::class) {
                self::assertSame('reference', $failure->getField());
            }
        }
        self::assertSame('ACCEPTED', $this->journal->get('R-1')->getLastAnswer());
        // It claims success, and the gateway says PENDING.
        $first = (string) $this->journal->get('R-1')->getOrderNumber();
        self::assertSame(Settlement::STATE_ACCEPTED, $this->journal->settleCallback(self::notice('R-1', $first))->getState());
        // Without a reference, the order number finds the entry.
        self::assertTrue($this->journal->settleCallback(self::notice(null, $other))->isPaid());
    }

    public function testAPersonResolves(): void
    {
        $order = $this->payInDoubt();
        $refused = [
            'who' => [' ', 'the console shows nothing', Settlement::STATE_NOT_SENT, null],
            'why' => ['Awa', ' ', Settlement::STATE_NOT_SENT, null],
            'state' => ['Awa', 'she said so', Settlement::STATE_PAID, null],
            'order_number' => ['Awa', 'console', null, '..'],
        ];
        foreach ($refused as $field => $arguments) {
            $failure = self::failure(function () use ($arguments): void {
                $this->journal->resolve('R-1', ...$arguments);
            });
            self::assertSame($field, $failure->getField());
        }
        foreach ([[null, null], [Settlement::STATE_FAILED, $order]] as [$state, $number]) {
            $failure = self::failure(function () use ($state, $number): void {
                $this->journal->resolve('R-1', 'Awa', 'console', $state, $number);
            });
            self::assertSame('state', $failure->getField());
        }
        self::assertNull($this->journal->get('R-1')->getResolvedBy());

        $resolved = $this->journal->resolve('R-1', 'Awa', 'console, 14:20', null, $order);
        self::assertSame(Settlement::STATE_IN_DOUBT, $resolved->getState());
        self::assertSame(['Awa', 'console, 14:20'], [$resolved->getResolvedBy(), $resolved->getResolvedWhy()]);
        self::assertSame(Settlement::STATE_ACCEPTED, $this->journal->settle('R-1')->getState());
        self::assertTrue($this->journal->resolve('R-1', 'Awa', 'left', Settlement::STATE_CANCELLED)->hasChanged());
        self::assertFalse($this->journal->get('R-1')->isOpen());

        $this->sandbox->inject(['on' => 'pay', 'action' => ['kind' => 'html', 'status' => 502]]);
        self::failure(function (): void {
            $this->pay('R-2');
        });
        $this->journal->resolve('R-2', 'Awa', 'the console does not show it', Settlement::STATE_NOT_SENT);
        self::assertFalse($this->journal->pay(self::card('R-2'))->isRecorded());
    }

    public function testReconcile(): void
    {
        $orders = ['R-1' => $this->paid('R-1'), 'R-2' => $this->pay('R-2'), 'R-3' => $this->pay('R-3')];
        $this->sandbox->inject(
            ['on' => 'check', 'order_number' => $orders['R-3'], 'action' => ['kind' => 'reply', 'status' => 404]]
        );
        $found = $this->journal->reconcile();
        self::assertNull($found->getStopped());
        $seen = [];
        foreach ($found->getSettlements() as $one) {
            $problem = explode(':', (string) $one->getProblem())[0];
            $seen[$one->getReference()] = [$one->getState(), $one->hasChanged(), $one->isToDeliver(), $problem];
        }
        ksort($seen);
        self::assertSame([
            'R-1' => ['PAID', true, true, ''],
            'R-2' => ['ACCEPTED', false, false, ''],
            'R-3' => ['ACCEPTED', false, false, 'REFUSED'],
        ], $seen);
        self::assertSame('REFUSED', $this->journal->get('R-3')->getLastAnswer());
        // What is to be delivered is in every list until it is acknowledged.
        self::assertCount(3, $this->journal->reconcile()->getSettlements());
        $this->journal->acknowledge('R-1');
        self::assertCount(2, $this->journal->reconcile()->getSettlements());
    }

    public function testReconcileStopsWhenTheGatewayCannotBeReached(): void
    {
        foreach (['R-1', 'R-2', 'R-3', 'R-4'] as $reference) {
            $this->pay($reference);
        }
        $this->pdo->exec("UPDATE flexpay_journal SET entry = REPLACE(entry, '\"ACCEPTED\"', '\"SENDING\"'),"
            . " state = 'SENDING', lease_until = 0 WHERE reference = 'R-4'");
        $this->sandbox->inject(['on' => 'check', 'times' => null, 'action' => ['kind' => 'html', 'status' => 502]]);
        $before = count($this->sandbox->requests());
        $journal = new Journal($this->client(['check_once' => true]), new PdoStore($this->pdo));
        $found = $journal->reconcile();
        self::assertStringStartsWith('GATEWAY: ', (string) $found->getStopped());
        self::assertCount(4, $found->getSettlements());
        self::assertSame($before + 3, count($this->sandbox->requests()));
        self::assertSame(Settlement::STATE_IN_DOUBT, $this->state('R-4'), 'its sender died');

        // If it cannot be reached, only one order is asked about.
        $unreachable = ['check_once' => true, 'check_url' => 'http://127.0.0.1:' . Http::freePort() . '/check'];
        $journal = new Journal($this->client($unreachable), new PdoStore($this->pdo));
        $found = $journal->reconcile();
        self::assertStringStartsWith('CONNECT: ', (string) $found->getStopped());
        self::assertCount(1, array_filter($found->getSettlements(), static function (Settlement $one): bool {
            return $one->getProblem() !== null;
        }));

        $token = new CancelToken();
        $token->cancel();
        self::assertStringContainsString('cancelled', (string) $this->journal->reconcile(0, $token)->getStopped());
    }

    public function testLists(): void
    {
        foreach (['b', 'B', 'a', 'é', 'R 1'] as $reference) {
            $this->pay($reference);
        }
        $inOrder = ['B', 'R 1', 'a', 'b', 'é'];
        self::assertSame($inOrder, $this->listed());
        self::assertSame($inOrder, $this->listed(Client::JOURNAL_OPEN));
        self::assertSame(['B', 'R 1'], $this->listed(Client::JOURNAL_ALL, '', 2));
        self::assertSame(['a', 'b'], $this->listed(Client::JOURNAL_ALL, 'R 1', 2));
        self::assertSame([], $this->listed(Client::JOURNAL_TO_DELIVER));
        $this->sandbox->decide((string) $this->journal->get('a')->getOrderNumber(), 'approve');
        $this->journal->settle('a');
        self::assertSame(['a'], $this->listed(Client::JOURNAL_TO_DELIVER));
        self::assertSame(['B', 'R 1', 'b', 'é'], $this->listed(Client::JOURNAL_OPEN));
        foreach (['filter' => ['all', '', 1], 'limit' => [Client::JOURNAL_ALL, '', 0]] as $field => $arguments) {
            $failure = self::failure(function () use ($arguments): void {
                $this->journal->list(...$arguments);
            });
            self::assertSame($field, $failure->getField());
        }
    }

    /** More than the journal reads at once. */
    public function testReconcileReadsAllPages(): void
    {
        $this->pay('R-0');
        $entry = (string) $this->pdo->query('SELECT entry FROM flexpay_journal')->fetchColumn();
        $copy = $this->pdo->prepare('INSERT INTO flexpay_journal SELECT ?, version, state, is_open, to_deliver,'
            . " order_number, lease_until, created_at, changed_at, ? FROM flexpay_journal WHERE reference = 'R-0'");
        $references = ['R-0'];
        $this->pdo->beginTransaction();
        for ($n = 1; $n <= 450; $n++) {
            $references[] = "R-$n";
            $copy->execute(["R-$n", str_replace('"R-0"', "\"R-$n\"", $entry)]);
        }
        $this->pdo->commit();
        $token = new CancelToken();
        $token->cancel();
        $found = array_map(static function (Settlement $one): string {
            return $one->getReference();
        }, $this->journal->reconcile(0, $token)->getSettlements());
        self::assertEqualsCanonicalizing($references, $found);
    }

    public function testReferencesAreComparedByteByByte(): void
    {
        $references = ['R-1', 'r-1', 'R-É', 'R-E', 'R-e', "R-E\u{301}"];
        foreach ($references as $reference) {
            self::assertFalse($this->journal->pay(self::card($reference))->isRecorded());
        }
        self::assertSame(count($references), $this->sent());
        foreach ([' ', str_repeat('x', 256), "R\0", "R\xff"] as $wrong) {
            $failure = self::failure(function () use ($wrong): void {
                $this->pay($wrong);
            });
            self::assertInstanceOf(InvalidArgumentException::class, $failure);
            self::assertSame('reference', $failure->getField());
        }
        self::assertSame(count($references), $this->sent());
        // Some databases ignore spaces at the end. The library refuses them, and nothing is recorded.
        foreach (['pay', 'state'] as $call) {
            $failure = self::failure(function () use ($call): void {
                $this->$call('R-1 ');
            });
            self::assertInstanceOf(InvalidArgumentException::class, $failure);
            self::assertSame('reference', $failure->getField());
        }
        self::assertSame(Settlement::STATE_ACCEPTED, $this->state('R-1'));
        $long = str_repeat("\u{1F4B3}", 255); // four bytes each
        $this->notSent($long);
        self::assertSame(Settlement::STATE_NOT_SENT, $this->state($long));
    }

    public function testTheLongestOrderNumber(): void
    {
        $this->payInDoubt();
        $longest = str_repeat('N', 256);
        $this->journal->resolve('R-1', 'Awa', 'console', null, $longest);
        self::assertSame($longest, $this->journal->get('R-1')->getOrderNumber());
        $failure = self::failure(function () use ($longest): void {
            $this->journal->settleCallback(self::notice(null, $longest));
        });
        self::assertNotSame('reference', $failure->getField(), 'the order number finds its entry');
    }

    public function testPrune(): void
    {
        $this->paid();
        $this->journal->settle('R-1');
        $this->notSent('R-2');
        $this->pay('R-3');
        $old = "UPDATE flexpay_journal SET changed_at = '2020-01-01T00:00:00Z'";
        $this->pdo->exec($old);
        $failure = self::failure(function (): void {
            $this->journal->prune(0);
        });
        self::assertInstanceOf(InvalidArgumentException::class, $failure);
        self::assertSame('days', $failure->getField());
        self::assertSame(1, $this->journal->prune(400), 'one is open, and one is not delivered');
        self::assertSame(['R-1', 'R-3'], $this->listed());
        self::assertFalse($this->journal->pay(self::card('R-2'))->isRecorded(), 'nothing was sent before');

        $this->journal->acknowledge('R-1');
        self::assertSame(0, $this->journal->prune(1));
        $this->pdo->exec($old);
        self::assertSame(1, $this->journal->prune(1));
        self::assertSame(['R-2', 'R-3'], $this->listed());
        foreach (['pay', 'settle', 'get', 'acknowledge'] as $call) {
            $failure = self::failure(function () use ($call): void {
                $this->journal->$call($call === 'pay' ? self::card() : 'R-1');
            });
            self::assertInstanceOf(InvalidArgumentException::class, $failure);
            self::assertStringContainsString('pruned', $failure->getMessage());
        }
        self::assertSame(3, $this->sent());
    }
}
