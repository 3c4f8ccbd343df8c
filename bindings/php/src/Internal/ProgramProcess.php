<?php

declare(strict_types=1);

namespace FlexPay\Internal;

/**
 * A process of the program `flexpay bridge`, and its pipes: lines in, lines out. It knows nothing of what
 * the lines mean.
 *
 * Its pipes do not block: a line is written, and a reply read, before a deadline, whatever the program
 * does. Deadlines are in seconds of hrtime().
 *
 * @internal
 */
final class ProgramProcess
{
    /** The functions that a host may have disabled. */
    private const FUNCTIONS = ['proc_open', 'proc_close', 'proc_get_status', 'proc_terminate', 'stream_select'];

    private const KILL = 9;

    /** The longest time between two looks at a signal, in microseconds. */
    private const SLICE_US = 200000;

    /** Where PHP cannot wait for a pipe: the time between two looks at it, in microseconds. */
    private const PAUSE_US = 1000;

    /** The PHP process that started it: a forked child must not use its pipes. */
    private int $owner;

    /** @var resource|null null after end() */
    private $process;

    /** @var array{resource, resource, resource} stdin, stdout and stderr of the program */
    private array $pipes;

    /** What was read and is not a complete line yet. */
    private string $buffer = '';

    /** Why it ended, for a message; null while it runs. */
    private ?string $end = null;

    private string $errors = '';

    /** @param resource $process */
    private function __construct($process, array $pipes)
    {
        $this->owner = (int) getmypid();
        $this->process = $process;
        $this->pipes = $pipes;
    }

    /** @return list<string> the functions that PHP does not have here, and that a process needs */
    public static function missingFunctions(): array
    {
        return array_values(array_filter(self::FUNCTIONS, static function (string $name): bool {
            return !function_exists($name);
        }));
    }

    /**
     * Starts the program. An error of the program itself shows when it is first used.
     *
     * @param array<string, string> $environment
     * @param string                $problem     PHP's message, if null is returned
     */
    public static function start(
        string $path,
        #[\SensitiveParameter]
        array $environment,
        string &$problem
    ): ?self {
        $pipes = [];
        $process = false;
        // An array: no shell starts it. On Windows, PHP opens no console window for it in a web server.
        $problem = Warnings::capture(static function () use ($path, $environment, &$pipes, &$process): void {
            $process = proc_open([$path, 'bridge'], self::streams(), $pipes, null, $environment);
        });
        if (!is_resource($process)) {
            return null;
        }
        foreach ($pipes as $pipe) {
            stream_set_blocking($pipe, false);
        }

        return new self($process, $pipes);
    }

    /**
     * The program's three streams, for proc_open(): nothing that it writes may get into the page.
     *
     * On Windows, a pipe of PHP always blocks, and only a socket does not. PHP 7.4 cannot give a program a
     * socket: there, a reply that does not come is noticed late, up to 32 seconds after its deadline.
     *
     * @return list<list<string>>
     */
    private static function streams(): array
    {
        return PHP_OS_FAMILY === 'Windows' && PHP_VERSION_ID >= 80000
            ? [['socket'], ['socket'], ['socket']]
            : [['pipe', 'r'], ['pipe', 'w'], ['pipe', 'w']];
    }

    /** Whether a call can be made: it runs, and belongs to this PHP process. */
    public function isUsable(): bool
    {
        return $this->isOwn() && $this->isRunning();
    }

    /** What happened to it: "ended with status 1". */
    public function reason(): string
    {
        return $this->end ?? 'closed its output';
    }

    /**
     * Writes a line. Returns whether it was written completely: the program carries out no other line.
     */
    public function write(
        #[\SensitiveParameter]
        string $line,
        float $deadline
    ): bool {
        $offset = 0;
        $length = strlen($line);
        while ($offset < $length && $this->process !== null) {
            $written = false;
            $problem = Warnings::capture(function () use ($line, $offset, &$written): void {
                $written = fwrite($this->pipes[0], substr($line, $offset));
            });
            // PHP reports no problem if the pipe is full, or a signal interrupted the call.
            if (is_int($written) && $written > 0) {
                $offset += $written;
            } elseif ($problem !== '' || self::now() >= $deadline) {
                return false;
            } else {
                $this->await(null, $this->pipes[0], $deadline);
            }
        }

        return $offset === $length;
    }

    /**
     * Reads a line. null if the program has ended (see isRunning()), the deadline has passed, or $between
     * stops it.
     *
     * @param callable(): bool|null $between called again and again while it waits; returns whether to stop
     */
    public function read(float $deadline, ?callable $between = null): ?string
    {
        while (true) {
            // Before the deadline is compared: this process may have been stopped for a while.
            $this->fill();
            $end = strpos($this->buffer, "\n");
            if ($end !== false) {
                $line = substr($this->buffer, 0, $end);
                $this->buffer = substr($this->buffer, $end + 1);

                return $line;
            }
            if ($this->process === null || self::now() >= $deadline) {
                return null;
            }
            $this->await($this->pipes[1], null, $deadline);
            if ($between !== null && $between()) {
                return null;
            }
        }
    }

    /** What the program wrote to stderr before it ended: why it could not start. */
    public function errors(): string
    {
        return $this->errors;
    }

    public function isRunning(): bool
    {
        if ($this->process === null) {
            return false;
        }
        $status = proc_get_status($this->process);
        if (!$status['running'] && $this->end === null) {
            $this->end = $status['signaled']
                ? 'was ended by signal ' . $status['termsig']
                : 'ended with status ' . $status['exitcode'];
        }

        return $status['running'];
    }

    /** Ends the program at once. No call may be in flight whose result is still of use. */
    public function end(): void
    {
        if ($this->process === null) {
            return;
        }
        $process = $this->process;
        $this->process = null;
        foreach ($this->pipes as $pipe) {
            fclose($pipe);
        }
        if ($this->isOwn()) {
            // It ends when its stdin does. But a process that the shop forked may have that pipe, too.
            proc_terminate($process, self::KILL);
            proc_close($process);
        }
    }

    public function __destruct()
    {
        $this->end();
    }

    /** A deadline so many milliseconds from now. */
    public static function deadline(int $milliseconds): float
    {
        return self::now() + $milliseconds / 1000;
    }

    private static function now(): float
    {
        return hrtime(true) / 1e9;
    }

    private function isOwn(): bool
    {
        return $this->owner === getmypid();
    }

    /** Reads what there is. Notices the end of the program. */
    private function fill(): void
    {
        if ($this->process === null) {
            return;
        }
        $read = (string) fread($this->pipes[1], 65536);
        $this->buffer .= $read;
        if ($read === '' && feof($this->pipes[1])) {
            // Its end follows within moments.
            for ($tries = 0; $this->isRunning() && $tries < 100; $tries++) {
                usleep(1000);
            }
            $this->errors = trim((string) fread($this->pipes[2], 1000));
            $this->end();
        }
    }

    /**
     * Waits until a pipe is ready, a signal arrives, the slice has passed or the deadline.
     *
     * @param resource|null $readable
     * @param resource|null $writable
     */
    private function await($readable, $writable, float $deadline): void
    {
        $left = max(0, (int) (($deadline - self::now()) * 1e6));
        if (PHP_OS_FAMILY === 'Windows') {
            // There, PHP cannot wait for a pipe. In most versions, reading waits anyway, without a deadline.
            usleep(min($left, self::PAUSE_US));

            return;
        }
        $selected = false;
        Warnings::capture(static function () use ($readable, $writable, $left, &$selected): void {
            $read = $readable === null ? null : [$readable];
            $write = $writable === null ? null : [$writable];
            $except = null;
            $selected = stream_select($read, $write, $except, 0, min($left, self::SLICE_US));
        });
        if ($selected === false) {
            // A signal, or a process with more open files than stream_select() supports.
            usleep(self::PAUSE_US);
        }
    }
}
