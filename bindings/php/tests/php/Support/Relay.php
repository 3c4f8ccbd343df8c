<?php

declare(strict_types=1);

namespace FlexPay\Tests\Support;

/** Counts the round trips to a sandbox that calls cost: those of TCP and TLS, and those of requests. */
final class Relay
{
    private Folder $folder;
    private Process $process;
    private int $counted = 0;

    public function __construct(string $url)
    {
        $this->folder = new Folder();
        $to = (string) preg_replace('#^https?://#', '', $url);
        $command = [(string) getenv('SANDBOX_BIN'), 'relay', $to, '--record', $this->record()];
        $this->process = new Process($command, null, $this->folder->path . '/log');
        $this->process->await(function (): bool {
            return is_file($this->record()) && $this->lines() !== [];
        }, 'the relay');
    }

    /** Its own address: host and port. */
    public function address(): string
    {
        return substr($this->lines()[0], strlen('listening '));
    }

    /** How many round trips there were since the last time. */
    public function roundTrips(): int
    {
        $all = count($this->lines()) - 1;
        $since = $all - $this->counted;
        $this->counted = $all;

        return $since;
    }

    public function stop(): void
    {
        $this->process->stop();
    }

    private function record(): string
    {
        return $this->folder->path . '/record';
    }

    /** @return list<string> */
    private function lines(): array
    {
        return file($this->record(), FILE_IGNORE_NEW_LINES) ?: [];
    }
}
