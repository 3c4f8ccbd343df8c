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
    /** @var Entry|null as the rule returned it; null: it was pruned, and only its reference is kept */
    public ?array $entry;

    /** One more with each change. */
    public int $version;

    public bool $isOpen;

    public bool $toDeliver;

    public string $createdAt;

    public string $changedAt;

    /** Whether its lease runs, by the clock of the database. It has a meaning in the state SENDING only. */
    public bool $senderIsAlive;

    /** @param Entry|null $entry */
    public function __construct(
        ?array $entry,
        int $version,
        bool $isOpen,
        bool $toDeliver,
        string $createdAt,
        string $changedAt,
        bool $senderIsAlive
    ) {
        $this->entry = $entry;
        $this->version = $version;
        $this->isOpen = $isOpen;
        $this->toDeliver = $toDeliver;
        $this->createdAt = $createdAt;
        $this->changedAt = $changedAt;
        $this->senderIsAlive = $senderIsAlive;
    }
}
