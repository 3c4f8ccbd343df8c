<?php

declare(strict_types=1);

namespace FlexPay\Tests\Support;

/** A gateway of our own: the project's sandbox, as a process. */
final class Sandbox
{
    private static ?self $shared = null;

    private Folder $folder;
    private Process $process;

    /** @var array<string, string> what it says of itself */
    private array $facts = [];

    /** @param list<string> $options */
    public function __construct(array $options = [])
    {
        $this->folder = new Folder();
        $file = $this->folder->path . '/env';
        $command = [(string) getenv('SANDBOX_BIN'), 'serve', '--http', '127.0.0.1:0', '--https', '127.0.0.1:0'];
        $command = array_merge($command, ['--env-file', $file], $options);
        $this->process = new Process($command, null, $this->folder->path . '/log');
        $this->process->await(static function () use ($file): bool {
            return is_file($file);
        }, 'the sandbox');
        foreach (file($file, FILE_IGNORE_NEW_LINES) ?: [] as $line) {
            if (preg_match("/^export (\\w+)='?(.*?)'?$/", $line, $found) === 1) {
                $this->facts[$found[1]] = $found[2];
            }
        }
    }

    /** One for all tests, with nothing in it. */
    public static function fresh(): self
    {
        if (self::$shared === null) {
            self::$shared = new self();
        }
        self::$shared->ask('POST', 'clear');
        self::$shared->clearFaults();

        return self::$shared;
    }

    public function stop(): void
    {
        $this->process->stop();
    }

    public function url(): string
    {
        return $this->facts['SANDBOX_URL'];
    }

    public function httpsUrl(): string
    {
        return $this->facts['SANDBOX_HTTPS_URL'];
    }

    public function caFile(): string
    {
        return $this->facts['FLEXPAY_CA_FILE'];
    }

    public function token(): string
    {
        return $this->facts['FLEXPAY_TOKEN'];
    }

    /**
     * The options of a client of this gateway.
     *
     * @param array<string, mixed> $more
     *
     * @return array<string, mixed>
     */
    public function options(array $more = []): array
    {
        return $more + [
            'merchant' => $this->facts['FLEXPAY_MERCHANT'],
            'token' => $this->token(),
            'api' => 'v1.1',
            'pay_url' => $this->url() . '/v1.1/pay',
            'check_url' => $this->url() . '/api/rest/v1/check',
            'timeout_ms' => 20000,
        ];
    }

    /**
     * The same for Client::fromEnvironment().
     *
     * @return array<string, string>
     */
    public function environment(): array
    {
        return [
            'FLEXPAY_MERCHANT' => $this->facts['FLEXPAY_MERCHANT'],
            'FLEXPAY_TOKEN' => $this->token(),
            'FLEXPAY_API' => 'v1.1',
            'FLEXPAY_PAY_URL' => $this->url() . '/v1.1/pay',
            'FLEXPAY_CHECK_URL' => $this->url() . '/api/rest/v1/check',
        ];
    }

    /** @param array<string, mixed> $fault */
    public function inject(array $fault): void
    {
        $this->ask('POST', 'faults', $fault);
    }

    public function clearFaults(): void
    {
        $this->ask('DELETE', 'faults');
    }

    /** The customer decides; the callback is posted, if it is wanted and there is an address. */
    public function decide(string $order, string $decision, bool $callback = false): void
    {
        $this->ask('POST', "payments/$order/decide", ['decision' => $decision, 'callback' => $callback]);
    }

    /** @param array<string, mixed> $delivery */
    public function deliver(string $order, array $delivery = []): void
    {
        $this->ask('POST', "payments/$order/deliver", (object) $delivery);
    }

    /**
     * The callbacks about an order that came to an end, once there are so many.
     *
     * @return list<array<string, mixed>>
     */
    public function callbacks(string $order, int $count): array
    {
        for ($end = microtime(true) + 20; microtime(true) < $end; usleep(20000)) {
            $done = [];
            foreach ($this->ask('GET', "callbacks?order=$order") as $callback) {
                if ($callback['reply_status'] !== null || $callback['error'] !== null) {
                    $done[] = $callback;
                }
            }
            if (count($done) >= $count) {
                return $done;
            }
        }
        throw new \RuntimeException("no $count callbacks about $order");
    }

    /** @return list<array<string, mixed>> */
    public function requests(): array
    {
        return $this->ask('GET', 'requests');
    }

    /** @return list<array<string, mixed>> */
    public function payments(): array
    {
        return $this->ask('GET', 'payments');
    }

    /**
     * @param mixed $body
     *
     * @return mixed
     */
    private function ask(string $method, string $what, $body = null)
    {
        $text = $body === null ? '' : (string) json_encode($body);
        [$status, $answer] = Http::send($method, $this->url() . '/sandbox/api/' . $what, $text);
        if ($status >= 300) {
            throw new \RuntimeException("the sandbox answered $status to $method $what: $answer");
        }

        return $answer === '' ? null : json_decode($answer, true);
    }
}
