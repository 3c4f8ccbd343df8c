<?php

declare(strict_types=1);

namespace FlexPay\Journal;

use FlexPay\Exception\FlexPayException;
use FlexPay\Expected;
use FlexPay\Internal\Arguments;
use FlexPay\Internal\ExceptionFactory;
use FlexPay\Payment;
use FlexPay\Settlement;

/**
 * A row of the table: an entry, what the database knows about it, and both as objects of this package.
 *
 * @internal
 *
 * @phpstan-type Entry array{
 *     reference: string,
 *     kind: string,
 *     amount: string,
 *     currency: string,
 *     phone: string|null,
 *     state: string,
 *     attempt: int,
 *     sender: string|null,
 *     order_number: string|null,
 *     redirect_url: string|null,
 *     page: string|null,
 *     code: string|null,
 *     message: string|null,
 *     last_answer: string|null,
 *     was_paid: bool,
 *     failures: int,
 *     failure_at: int|null,
 *     is_delivered: bool,
 *     other_order_number: string|null,
 *     resolved_by: string|null,
 *     resolved_why: string|null,
 * }
 */
final class Row
{
    /** The fields of an entry that this package reads. */
    private const TEXTS = ['reference', 'kind', 'amount', 'currency', 'state'];

    private const TEXTS_OR_NULL = [
        'phone', 'order_number', 'redirect_url', 'page', 'code', 'message', 'last_answer', 'other_order_number',
        'resolved_by', 'resolved_why',
    ];

    public string $reference;

    /** @var Entry|null as the rule returned it; null: it was pruned, and only its reference is kept */
    public ?array $entry;

    /** Whether the column "entry" cannot be read. */
    public bool $isDamaged;

    /** One more with each change. */
    public int $version;

    public bool $isOpen;

    public bool $toDeliver;

    public string $createdAt;

    public string $changedAt;

    /** Whether its lease runs, by the clock of the database. It has a meaning in the state SENDING only. */
    public bool $senderIsAlive;

    /** @param string|null $entry as JSON */
    public function __construct(
        string $reference,
        ?string $entry,
        int $version,
        bool $isOpen,
        bool $toDeliver,
        string $createdAt,
        string $changedAt,
        bool $senderIsAlive
    ) {
        $decoded = $entry === null ? null : self::decode($entry);
        $this->reference = $reference;
        $this->isDamaged = $entry !== null && ($decoded['reference'] ?? null) !== $reference;
        $this->entry = $this->isDamaged ? null : $decoded;
        $this->version = $version;
        $this->isOpen = $isOpen;
        $this->toDeliver = $toDeliver;
        $this->createdAt = $createdAt;
        $this->changedAt = $changedAt;
        $this->senderIsAlive = $senderIsAlive;
    }

    /** @return Entry|null null: it is damaged */
    private static function decode(string $json): ?array
    {
        $entry = json_decode($json, true);
        if (!is_array($entry)) {
            return null;
        }
        // As in the library, a text that may be null may be absent.
        $entry += array_fill_keys(self::TEXTS_OR_NULL, null);
        foreach (self::TEXTS as $name) {
            if (!is_string($entry[$name] ?? null)) {
                return null;
            }
        }
        foreach (self::TEXTS_OR_NULL as $name) {
            if (!is_string($entry[$name] ?? '')) {
                return null;
            }
        }

        return $entry;
    }

    public function damage(): string
    {
        return "the journal in the database: the entry of {$this->reference} cannot be read: its column \"entry\" is"
            . ' damaged';
    }

    /**
     * @return Entry
     *
     * @throws FlexPayException JournalException if it is damaged; InvalidArgumentException if it was pruned
     */
    public function entry(): array
    {
        if ($this->isDamaged) {
            throw ExceptionFactory::journal($this->damage(), FlexPayException::OUTCOME_NOT_SENT);
        }
        if ($this->entry === null) {
            throw Arguments::invalid(
                'reference',
                'was used before, and its entry was pruned from the journal: use a new reference for another payment'
            );
        }

        return $this->entry;
    }

    /** What the gateway's word on an order is compared with. */
    public function expected(?string $orderNumber, ?string $query): Expected
    {
        $entry = $this->entry();

        return new Expected(
            $entry['reference'],
            $entry['amount'],
            $entry['currency'],
            $orderNumber,
            $query,
            $entry['kind']
        );
    }

    /** The payment, as it was recorded. */
    public function payment(): Payment
    {
        $entry = $this->entry();

        return new Payment([
            'redirect_url' => $entry['redirect_url'],
            'order_number' => $entry['order_number'],
            'code' => $entry['code'],
            'message' => $entry['message'],
            'page' => $entry['page'],
            'trace' => null,
            'is_recorded' => true,
        ]);
    }

    public function settlement(bool $changed = false, ?string $problem = null): Settlement
    {
        $entry = $this->entry();

        return new Settlement([
            'reference' => $entry['reference'],
            'kind' => $entry['kind'],
            'state' => $entry['state'],
            'changed' => $changed,
            'to_deliver' => $this->toDeliver,
            'is_open' => $this->isOpen,
            'amount' => $entry['amount'],
            'currency' => $entry['currency'],
            'phone' => $entry['phone'],
            'order_number' => $entry['order_number'],
            'other_order_number' => $entry['other_order_number'],
            'redirect_url' => $entry['redirect_url'],
            'page' => $entry['page'],
            'last_answer' => $entry['last_answer'],
            'resolved_by' => $entry['resolved_by'],
            'resolved_why' => $entry['resolved_why'],
            'created_at' => $this->createdAt,
            'changed_at' => $this->changedAt,
            'problem' => $problem,
        ]);
    }
}
