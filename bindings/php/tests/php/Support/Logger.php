<?php

declare(strict_types=1);

namespace FlexPay\Tests\Support;

/** A PSR-3 logger that keeps its records. It implements no interface: the package accepts any such object. */
final class Logger
{
    /** @var list<array{string, string, array<string, mixed>}> level, message and context */
    public array $records = [];

    private ?\Throwable $failure;

    /** @param \Throwable|null $failure what log() throws after it has kept the record */
    public function __construct(?\Throwable $failure = null)
    {
        $this->failure = $failure;
    }

    /**
     * @param mixed                $level
     * @param mixed                $message
     * @param array<string, mixed> $context
     */
    public function log($level, $message, array $context = []): void
    {
        $this->records[] = [$level, $message, $context];
        if ($this->failure !== null) {
            throw $this->failure;
        }
    }
}
