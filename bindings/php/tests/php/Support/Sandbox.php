<?php

declare(strict_types=1);

namespace FlexPay\Tests\Support;

/** The project's sandbox gateway, as a process. */
final class Sandbox
{
    private static ?self $shared = null;

    private TemporaryDirectory $directory;
    private Process $process;

    /** @var array<string, string> the variables in its env file */
    private array $variables = [];

    /** @param list<string> $options */
    public function __construct(array $options = [])
    {
        $this->directory = new TemporaryDirectory();
        $file = $this->directory->path . '/env';
        $command = [(string) getenv('SANDBOX_BIN'), 'serve', '--http', '127.0.0.1:0', '--https', '127.0.0.1:0'];
        $command = array_merge($command, ['--env-file', $file], $options);
        $this->process = new Process($command, null, $this->directory->path . '/log');
        $this->process->waitUntil(static function () use ($file): bool {
            return is_file($file);
        }, 'the sandbox');
        foreach (file($file, FILE_IGNORE_NEW_LINES) ?: [] as $line) {
            if (preg_match("/^export (\\w+)='?(.*?)'?$/", $line, $found) === 1) {
                $this->variables[$found[1]] = $found[2];
            }
        }
    }

    /** A sandbox shared by all tests, cleared. */
    public static function fresh(): self
    {
        if (self::$shared === null) {
            self::$shared = new self();
        }
        self::$shared->call('POST', 'clear');
        self::$shared->clearFaults();

        return self::$shared;
    }

    public function stop(): void
    {
        $this->process->stop();
    }

    public function url(): string
    {
        return $this->variables['SANDBOX_URL'];
    }

    public function httpsUrl(): string
    {
        return $this->variables['SANDBOX_HTTPS_URL'];
    }

    public function caFile(): string
    {
        return $this->variables['FLEXPAY_CA_FILE'];
    }

    public function token(): string
    {
        return $this->variables['FLEXPAY_TOKEN'];
    }

    /**
     * Client options for this gateway.
     *
     * @param array<string, mixed> $more
     *
     * @return array<string, mixed>
     */
    public function options(array $more = []): array
    {
        return $more + [
            'merchant' => $this->variables['FLEXPAY_MERCHANT'],
            'token' => $this->token(),
            'api' => 'v1.1',
            'pay_url' => $this->url() . '/v1.1/pay',
            'check_url' => $this->url() . '/api/rest/v1/check',
            'mobile_url' => $this->url() . '/api/rest/v1/paymentService',
            'payout_url' => $this->url() . '/api/rest/v1/merchantPayOutService',
            'timeout_ms' => 20000,
        ];
    }

    /**
     * The same options for Client::fromEnvironment().
     *
     * @return array<string, string>
     */
    public function environment(): array
    {
        return [
            'FLEXPAY_MERCHANT' => $this->variables['FLEXPAY_MERCHANT'],
            'FLEXPAY_TOKEN' => $this->token(),
            'FLEXPAY_API' => 'v1.1',
            'FLEXPAY_PAY_URL' => $this->url() . '/v1.1/pay',
            'FLEXPAY_CHECK_URL' => $this->url() . '/api/rest/v1/check',
            'FLEXPAY_MOBILE_URL' => $this->url() . '/api/rest/v1/paymentService',
            'FLEXPAY_PAYOUT_URL' => $this->url() . '/api/rest/v1/merchantPayOutService',
        ];
    }

    /** @param array<string, mixed> $fault */
    public function inject(array $fault): void
    {
        $this->call('POST', 'faults', $fault);
    }

    public function clearFaults(): void
    {
        $this->call('DELETE', 'faults');
    }

    /** Makes the customer's decision. If $callback, the sandbox posts a callback to the payment's URL, if any. */
    public function decide(string $order, string $decision, bool $callback = false): void
    {
        $this->call('POST', "payments/$order/decide", ['decision' => $decision, 'callback' => $callback]);
    }

    /** @param array<string, mixed> $delivery */
    public function deliver(string $order, array $delivery = []): void
    {
        $this->call('POST', "payments/$order/deliver", (object) $delivery);
    }

    /**
     * Waits until at least $count callbacks of an order are finished, and returns all finished ones.
     *
     * @return list<array<string, mixed>>
     */
    public function callbacks(string $order, int $count): array
    {
        for ($end = microtime(true) + 20; microtime(true) < $end; usleep(20000)) {
            $done = [];
            foreach ($this->call('GET', "callbacks?order=$order") as $callback) {
                if ($callback['reply_status'] !== null || $callback['error'] !== null) {
                    $done[] = $callback;
                }
            }
            if (count($done) >= $count) {
                return $done;
            }
        }
        throw new \RuntimeException("fewer than $count callbacks for $order");
    }

    /** @return list<array<string, mixed>> */
    public function requests(): array
    {
        return $this->call('GET', 'requests');
    }

    /** @return list<array<string, mixed>> */
    public function payments(): array
    {
        return $this->call('GET', 'payments');
    }

    /**
     * @param mixed $body
     *
     * @return mixed
     */
    private function call(string $method, string $path, $body = null)
    {
        $json = $body === null ? '' : (string) json_encode($body);
        [$status, $reply] = Http::send($method, $this->url() . '/sandbox/api/' . $path, $json);
        if ($status >= 300) {
            throw new \RuntimeException("the sandbox replied $status to $method $path: $reply");
        }

        return $reply === '' ? null : json_decode($reply, true);
    }
}
