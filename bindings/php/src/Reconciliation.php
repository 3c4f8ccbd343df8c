<?php

declare(strict_types=1);

namespace FlexPay;

/** What reconcile() found. */
final class Reconciliation
{
    /** @var list<Settlement> */
    private array $settlements;

    private ?string $stopped;

    /**
     * @internal
     *
     * @param list<Settlement> $settlements
     */
    public function __construct(array $settlements, ?string $stopped)
    {
        $this->settlements = $settlements;
        $this->stopped = $stopped;
    }

    /**
     * Each entry that was open, and each that is to be delivered, as they are now.
     *
     * @return list<Settlement>
     */
    public function getSettlements(): array
    {
        return $this->settlements;
    }

    /** Why it did not ask about all of them: the gateway cannot be reached, the time is over. null if it did. */
    public function getStopped(): ?string
    {
        return $this->stopped;
    }
}
