<?php

declare(strict_types=1);

namespace FlexPay;

/**
 * An entry of the journal, as it is now: one payment or payout.
 *
 * @phpstan-type SettlementFields array{
 *     reference: string,
 *     kind: string,
 *     state: string,
 *     changed: bool,
 *     to_deliver: bool,
 *     is_open: bool,
 *     amount: string,
 *     currency: string,
 *     phone: string|null,
 *     order_number: string|null,
 *     other_order_number: string|null,
 *     redirect_url: string|null,
 *     page: string|null,
 *     last_answer: string|null,
 *     resolved_by: string|null,
 *     resolved_why: string|null,
 *     created_at: string,
 *     changed_at: string,
 *     problem: string|null,
 * }
 */
final class Settlement
{
    // written by make header: EntryState
    /** A process is sending the request, or was sending it when it ended. */
    public const STATE_SENDING = 'SENDING';

    /** Nothing of the request left the machine. It may be sent again. */
    public const STATE_NOT_SENT = 'NOT_SENT';

    /** The gateway refused the request. It may be sent again when the cause is fixed. */
    public const STATE_REFUSED = 'REFUSED';

    /** Nobody knows whether the gateway has the request. A callback, a check or a person resolves it. */
    public const STATE_IN_DOUBT = 'IN_DOUBT';

    /** The gateway accepted the request. Nobody has paid yet. */
    public const STATE_ACCEPTED = 'ACCEPTED';

    /** The gateway says that it is paid. For a payout: the beneficiary has the money. */
    public const STATE_PAID = 'PAID';

    /** The gateway says that it failed. A late PAID still replaces this. */
    public const STATE_FAILED = 'FAILED';

    /** The gateway says that the customer cancelled. A late PAID still replaces this. */
    public const STATE_CANCELLED = 'CANCELLED';

    /**
     * The gateway says that the money is being returned. If it was never PAID, a late PAID still replaces
     * this.
     */
    public const STATE_REFUNDING = 'REFUNDING';

    /** The gateway says that the money was returned. If it was never PAID, a late PAID still replaces this. */
    public const STATE_REFUNDED = 'REFUNDED';
    // end of EntryState

    /** @var SettlementFields */
    private array $fields;

    /**
     * @internal
     *
     * @param SettlementFields $fields by field name in flexpay.h
     */
    public function __construct(array $fields)
    {
        $this->fields = $fields;
    }

    /** Your reference. */
    public function getReference(): string
    {
        return $this->fields['reference'];
    }

    /** One of the KIND_ constants of Expected. */
    public function getKind(): string
    {
        return $this->fields['kind'];
    }

    /** What is known: one of the STATE_ constants. Deliver only what is STATE_PAID. */
    public function getState(): string
    {
        return $this->fields['state'];
    }

    /** Whether the customer has paid or, for a payout, the beneficiary has the money: STATE_PAID. */
    public function isPaid(): bool
    {
        return $this->fields['state'] === self::STATE_PAID;
    }

    /**
     * Whether this call changed the state or, after acknowledging, recorded that you deliver. Of several
     * calls, only one gets this for each change.
     */
    public function hasChanged(): bool
    {
        return $this->fields['changed'];
    }

    /** Whether it is paid and not acknowledged yet: acknowledge it, then deliver. */
    public function isToDeliver(): bool
    {
        return $this->fields['to_deliver'];
    }

    /** Whether its state may still change: reconcile() asks about it. */
    public function isOpen(): bool
    {
        return $this->fields['is_open'];
    }

    /** The amount of the request: "25.50". */
    public function getAmount(): string
    {
        return $this->fields['amount'];
    }

    /** The currency of the request. */
    public function getCurrency(): string
    {
        return $this->fields['currency'];
    }

    /** The phone number of the request, as the gateway receives it. */
    public function getPhone(): ?string
    {
        return $this->fields['phone'];
    }

    /** The gateway's order number. */
    public function getOrderNumber(): ?string
    {
        return $this->fields['order_number'];
    }

    /** Another order that the gateway has under the same reference. If both were paid, give the money of one back. */
    public function getOtherOrderNumber(): ?string
    {
        return $this->fields['other_order_number'];
    }

    /** Where to send the customer. */
    public function getRedirectUrl(): ?string
    {
        return $this->fields['redirect_url'];
    }

    /** The HTML to send to the customer's browser instead. */
    public function getPage(): ?string
    {
        return $this->fields['page'];
    }

    /** What was learnt last: a state ("PENDING"), or the name of an error ("NOT_FOUND"). */
    public function getLastAnswer(): ?string
    {
        return $this->fields['last_answer'];
    }

    /** Who resolved the entry by hand. */
    public function getResolvedBy(): ?string
    {
        return $this->fields['resolved_by'];
    }

    /** Why. */
    public function getResolvedWhy(): ?string
    {
        return $this->fields['resolved_why'];
    }

    /**
     * When it was begun, by the clock of the machine or of the database: "2026-11-27T18:36:21Z".
     */
    public function getCreatedAt(): string
    {
        return $this->fields['created_at'];
    }

    /** When it changed last. */
    public function getChangedAt(): string
    {
        return $this->fields['changed_at'];
    }

    /** After reconcile(): why the gateway gave no answer about this one. */
    public function getProblem(): ?string
    {
        return $this->fields['problem'];
    }
}
