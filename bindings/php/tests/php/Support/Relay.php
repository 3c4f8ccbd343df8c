<?php

declare(strict_types=1);

namespace FlexPay\Tests\Support;

/** Forwards connections to a sandbox and counts their round trips: for TCP, for TLS and for requests. */
final class Relay
{
    private TemporaryDirectory $directory;
    private Process $process;
    private int $counted = 0;

    public function __construct(string $url)
    {
        $this->directory = new TemporaryDirectory();
        $target = (string) preg_replace('#^https?://#', '', $url);
        $command = [(string) getenv('SANDBOX_BIN'), 'relay', $target, '--record', $this->record()];
        $this->process = new Process($command, null, $this->directory->path . '/log');
        $this->process->waitUntil(function (): bool {
            return is_file($this->record()) && $this->lines() !== [];
        }, 'the relay');
    }

    /** The relay's own address: host and port. */
    public function address(): string
    {
        return substr($this->lines()[0], strlen('listening '));
    }

    /** The number of round trips since the last call. */
    public function roundTrips(): int
    {
        $total = count($this->lines()) - 1;
        $new = $total - $this->counted;
        $this->counted = $total;

        return $new;
    }

    public function stop(): void
    {
        $this->process->stop();
    }

    private function record(): string
    {
        return $this->directory->path . '/record';
    }

    /** @return list<string> */
    private function lines(): array
    {
        return file($this->record(), FILE_IGNORE_NEW_LINES) ?: [];
    }
}
