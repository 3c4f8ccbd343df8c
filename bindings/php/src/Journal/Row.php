<?php

declare(strict_types=1);

namespace FlexPay\Journal;

/**
 * A row of the table: an entry, and what the database knows about it.
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
}
