<?php

declare(strict_types=1);

namespace FlexPay\Tests\Support;

/** A child process with its output in a file. The destructor ends it. */
final class Process
{
    /** @var resource|null */
    private $process;

    private string $log;

    /**
     * @param list<string>               $command
     * @param array<string, string>|null $environment null: the environment of this process
     */
    public function __construct(array $command, ?array $environment, string $log)
    {
        $this->log = $log;
        $files = [['file', '/dev/null', 'r'], ['file', $log, 'a'], ['file', $log, 'a']];
        $process = proc_open($command, $files, $pipes, null, $environment);
        if (!is_resource($process)) {
            throw new \RuntimeException('cannot start ' . implode(' ', $command));
        }
        $this->process = $process;
    }

    /**
     * Runs a program and waits until it exits.
     *
     * @param list<string>               $command
     * @param array<string, string>|null $environment
     *
     * @return array{int, string} exit status, and stdout with stderr
     */
    public static function run(array $command, ?array $environment = null): array
    {
        $files = [['file', '/dev/null', 'r'], ['pipe', 'w'], ['redirect', 1]];
        $process = proc_open($command, $files, $pipes, null, $environment);
        if (!is_resource($process)) {
            throw new \RuntimeException('cannot start ' . implode(' ', $command));
        }
        $output = (string) stream_get_contents($pipes[1]);
        fclose($pipes[1]);

        return [proc_close($process), $output];
    }

    public function isRunning(): bool
    {
        return $this->process !== null && proc_get_status($this->process)['running'];
    }

    public function pid(): int
    {
        return $this->process === null ? 0 : proc_get_status($this->process)['pid'];
    }

    /** Waits until it exits by itself, at most 60 s. */
    public function waitForExit(): void
    {
        for ($end = microtime(true) + 60; $this->isRunning(); usleep(20000)) {
            if (microtime(true) > $end) {
                throw new \RuntimeException("it did not exit:\n" . $this->log());
            }
        }
    }

    public function log(): string
    {
        return (string) file_get_contents($this->log);
    }

    /** Waits until $ready returns true. Throws with the program's output if it exits before, or after 20 s. */
    public function waitUntil(callable $ready, string $name): void
    {
        for ($end = microtime(true) + 20; microtime(true) < $end; usleep(20000)) {
            if ($ready()) {
                return;
            }
            if (!$this->isRunning()) {
                break;
            }
        }
        throw new \RuntimeException("$name did not become ready:\n" . $this->log());
    }

    /** Ends it at once, and the program flexpay that it has started: as a power cut does. */
    public function kill(): void
    {
        $pid = $this->pid();
        $children = explode(' ', trim((string) file_get_contents("/proc/$pid/task/$pid/children")));
        foreach (array_merge([$pid], array_map('intval', array_filter($children))) as $one) {
            posix_kill($one, SIGKILL);
        }
        $this->waitForExit();
    }

    public function stop(): void
    {
        if ($this->process === null) {
            return;
        }
        proc_terminate($this->process, SIGTERM);
        for ($end = microtime(true) + 5; $this->isRunning() && microtime(true) < $end;) {
            usleep(10000);
        }
        if ($this->isRunning()) {
            proc_terminate($this->process, SIGKILL);
        }
        proc_close($this->process);
        $this->process = null;
    }

    public function __destruct()
    {
        $this->stop();
    }
}
