<?php

declare(strict_types=1);

namespace FlexPay\Tests\Support;

/** A PHP-FPM with several workers behind an nginx, on its own port. */
final class Fpm
{
    /** The number of workers. */
    public int $workers = 4;

    private string $pages;
    private bool $rootMaster;
    private TemporaryDirectory $directory;
    private int $port;
    private ?Process $fpm = null;
    private ?Process $nginx = null;

    /** @var array<string, string> */
    private array $ini;

    /** @var array<string, string> */
    private array $environment;

    /**
     * @param string                $pages       the directory with the pages
     * @param array<string, string> $ini         PHP settings
     * @param array<string, string> $environment of the pages and of FPM itself
     * @param bool                  $rootMaster  whether FPM's master runs as root, as when a service
     *                                           manager starts it; the workers never do
     */
    public function __construct(string $pages, array $ini, array $environment = [], bool $rootMaster = false)
    {
        $this->pages = (string) realpath($pages);
        $this->ini = $ini + ['opcache.enable' => '1', 'display_errors' => '0', 'log_errors' => '1'];
        $this->environment = $environment + [
            'FLEXPAY_LIBRARY' => (string) getenv('FLEXPAY_LIBRARY'),
            'FLEXPAY_PROGRAM' => (string) getenv('FLEXPAY_PROGRAM'),
        ];
        $this->rootMaster = $rootMaster;
        $this->directory = new TemporaryDirectory();
        if (self::isRoot()) {
            chown($this->directory->path, 'www-data');
        }
        $this->port = Http::freePort();
        $inherited = php_ini_loaded_file();
        file_put_contents($this->iniFile(), $inherited === false ? '' : (string) file_get_contents($inherited));
    }

    /** The php.ini of this FPM. FPM reads it when it starts. */
    public function iniFile(): string
    {
        return $this->directory->path . '/php.ini';
    }

    public function setEnvironment(string $name, string $value): void
    {
        $this->environment[$name] = $value;
    }

    private function launch(): void
    {
        $path = $this->directory->path;
        file_put_contents("$path/fpm.conf", $this->fpmConfiguration());
        $command = [self::find('php-fpm' . PHP_MAJOR_VERSION . '.' . PHP_MINOR_VERSION, 'PHP_FPM'), '-F'];
        $command = array_merge($command, ['-y', "$path/fpm.conf", '-c', $this->iniFile()]);
        foreach ($this->ini as $name => $value) {
            $command[] = '-d';
            $command[] = "$name=$value";
        }
        $user = $this->rootMaster ? [] : self::withoutRoot();
        $this->fpm = new Process(array_merge($user, $command), $this->environment + getenv(), "$path/fpm.log");
    }

    /** Starts both, and waits until they accept connections. */
    public function start(): self
    {
        $path = $this->directory->path;
        $this->launch();
        file_put_contents("$path/nginx.conf", $this->nginxConfiguration());
        $command = [self::find('nginx', 'NGINX'), '-p', $path, '-c', "$path/nginx.conf", '-e', "$path/nginx.log"];
        $this->nginx = new Process(array_merge(self::withoutRoot(), $command), null, "$path/nginx.out");
        $this->process($this->fpm)->waitUntil(static function () use ($path): bool {
            return Http::isListening("unix://$path/fpm.sock");
        }, 'PHP-FPM');
        $this->process($this->nginx)->waitUntil(function (): bool {
            return Http::isListening('tcp://127.0.0.1:' . $this->port);
        }, 'nginx');

        return $this;
    }

    /** Whether the tests run as root, and so can start a master as root. */
    public static function isRoot(): bool
    {
        return posix_geteuid() === 0;
    }

    /** @return list<string> a command prefix that drops root privileges */
    public static function withoutRoot(): array
    {
        return self::isRoot() ? ['setpriv', '--reuid=www-data', '--regid=www-data', '--clear-groups'] : [];
    }

    /** Starts PHP-FPM alone, waits until it exits by itself, and returns its log. */
    public function runUntilExit(): string
    {
        $this->launch();
        for ($end = microtime(true) + 20; $this->process($this->fpm)->isRunning(); usleep(20000)) {
            if (microtime(true) > $end) {
                throw new \RuntimeException('PHP-FPM did not exit');
            }
        }

        return $this->log();
    }

    public function url(string $page): string
    {
        return 'http://127.0.0.1:' . $this->port . '/' . $page;
    }

    /** @return array{int, string} status and body */
    public function get(string $page): array
    {
        return Http::send('GET', $this->url($page));
    }

    /**
     * Sends many requests at the same time.
     *
     * @return list<string> the responses, with their headers
     */
    public function getConcurrently(string $page, int $count): array
    {
        $connections = [];
        for ($n = 0; $n < $count; $n++) {
            $connection = stream_socket_client('tcp://127.0.0.1:' . $this->port);
            if ($connection === false) {
                throw new \RuntimeException('cannot connect to nginx');
            }
            fwrite($connection, "GET /$page HTTP/1.0\r\nHost: shop.example\r\n\r\n");
            $connections[] = $connection;
        }

        return array_map(static function ($connection): string {
            stream_set_timeout($connection, 30);

            return (string) stream_get_contents($connection);
        }, $connections);
    }

    public function log(): string
    {
        $log = '';
        foreach (glob($this->directory->path . '/*.{log,out}', GLOB_BRACE) ?: [] as $file) {
            $log .= file_get_contents($file);
        }

        return $log;
    }

    public function stop(): void
    {
        foreach ([$this->nginx, $this->fpm] as $process) {
            if ($process !== null) {
                $process->stop();
            }
        }
    }

    public function __destruct()
    {
        $this->stop();
    }

    private function process(?Process $process): Process
    {
        if ($process === null) {
            throw new \LogicException('not started');
        }

        return $process;
    }

    private function fpmConfiguration(): string
    {
        $path = $this->directory->path;
        $lines = ['[global]', "error_log = $path/error.log", 'log_limit = 8192', '[shop]', "listen = $path/fpm.sock"];
        if ($this->rootMaster) {
            $lines = array_merge($lines, ['user = www-data', 'group = www-data', 'listen.owner = www-data']);
        }
        $lines[] = 'pm = static';
        $lines[] = 'pm.max_children = ' . $this->workers;
        $lines[] = 'catch_workers_output = yes';
        $lines[] = 'decorate_workers_output = no';
        foreach ($this->environment as $name => $value) {
            // FPM refuses an empty value.
            if ($value !== '') {
                $lines[] = "env[$name] = \"$value\"";
            }
        }

        return implode("\n", $lines) . "\n";
    }

    private function nginxConfiguration(): string
    {
        $path = $this->directory->path;

        return <<<CONF
            daemon off;
            worker_processes 1;
            pid $path/nginx.pid;
            error_log $path/nginx.log;
            events { worker_connections 256; }
            http {
                access_log off;
                client_body_temp_path $path/body;
                proxy_temp_path $path/proxy;
                fastcgi_temp_path $path/fastcgi;
                uwsgi_temp_path $path/uwsgi;
                scgi_temp_path $path/scgi;
                server {
                    listen 127.0.0.1:{$this->port};
                    root {$this->pages};
                    location ~ \.php\$ {
                        include /etc/nginx/fastcgi_params;
                        fastcgi_param SCRIPT_FILENAME \$document_root\$fastcgi_script_name;
                        fastcgi_pass unix:$path/fpm.sock;
                    }
                }
            }
            CONF;
    }

    private static function find(string $name, string $variable): string
    {
        $path = getenv($variable);
        if ($path !== false && $path !== '') {
            return $path;
        }
        foreach (array_merge(explode(':', (string) getenv('PATH')), ['/usr/sbin', '/usr/local/sbin']) as $directory) {
            if (is_executable("$directory/$name")) {
                return "$directory/$name";
            }
        }
        throw new \RuntimeException("$name is not installed");
    }
}
