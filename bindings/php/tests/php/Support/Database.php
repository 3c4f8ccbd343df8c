<?php

declare(strict_types=1);

namespace FlexPay\Tests\Support;

use FlexPay\Journal\PdoStore;
use PDO;

/**
 * A database of its own for the tests of the journal: Debian's MariaDB or PostgreSQL on a socket in a temporary
 * folder, or a file of SQLite. The destructor ends the server. Servers do not run as root.
 */
final class Database
{
    public string $driver;

    /** @var array<string, self> by driver: all tests share them */
    private static array $shared = [];

    private TemporaryDirectory $directory;

    private ?Process $server = null;

    private function __construct(string $driver)
    {
        $this->driver = $driver;
        $this->directory = new TemporaryDirectory();
        if (Fpm::isRoot()) {
            chown($this->directory->path, 'www-data');
        }
        if ($driver === 'mysql') {
            $this->startMariadb();
        } elseif ($driver === 'pgsql') {
            $this->startPostgresql();
        }
    }

    /** The database of a driver, with an empty table of the journal, and one of orders. */
    public static function fresh(string $driver): self
    {
        $database = self::$shared[$driver] = self::$shared[$driver] ?? new self($driver);
        $pdo = $database->connect();
        $pdo->exec('DROP TABLE IF EXISTS flexpay_journal');
        $pdo->exec('DROP TABLE IF EXISTS orders');
        $pdo->exec('CREATE TABLE orders (reference VARCHAR(60) NOT NULL PRIMARY KEY, deliveries INTEGER NOT NULL)'
            . ($driver === 'mysql' ? ' ENGINE = InnoDB' : ''));
        (new PdoStore($pdo))->createTable();

        return $database;
    }

    public function dsn(): string
    {
        $path = $this->directory->path;
        $names = [
            'mysql' => "mysql:unix_socket=$path/socket;dbname=test;charset=utf8mb4",
            'pgsql' => "pgsql:host=$path;dbname=postgres;user=shop",
            'sqlite' => "sqlite:$path/shop.sqlite",
        ];

        return $names[$this->driver];
    }

    /** @param array<int, mixed> $attributes */
    public function connect(array $attributes = []): PDO
    {
        return self::connectTo($this->dsn(), PDO::class, $attributes);
    }

    /**
     * @template T of PDO
     *
     * @param class-string<T>   $class
     * @param array<int, mixed> $attributes
     *
     * @return T
     */
    public static function connectTo(string $dsn, string $class = PDO::class, array $attributes = []): PDO
    {
        return new $class($dsn, strncmp($dsn, 'mysql', 5) === 0 ? 'root' : null, null, $attributes + [
            PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION,
            PDO::ATTR_TIMEOUT => 60,
        ]);
    }

    /** The server's number of a connection. */
    public function id(PDO $pdo): int
    {
        return (int) $pdo->query($this->driver === 'mysql' ? 'SELECT CONNECTION_ID()' : 'SELECT pg_backend_pid()')
            ->fetchColumn();
    }

    /**
     * The numbers of all connections but this one.
     *
     * @return list<int>
     */
    public function ids(PDO $pdo): array
    {
        $sql = $this->driver === 'mysql'
            ? "SELECT id FROM information_schema.processlist WHERE user = 'root' AND id <> CONNECTION_ID()"
            : "SELECT pid FROM pg_stat_activity WHERE usename = 'shop' AND pid <> pg_backend_pid()";

        return array_map('intval', $pdo->query($sql)->fetchAll(PDO::FETCH_COLUMN));
    }

    /** Ends a connection, if it is still there. */
    public function kill(PDO $pdo, int $id): void
    {
        try {
            $pdo->exec($this->driver === 'mysql' ? "KILL $id" : "SELECT pg_terminate_backend($id)");
        } catch (\PDOException $gone) {
            return;
        }
    }

    private function startMariadb(): void
    {
        $path = $this->directory->path;
        $this->prepare(['mariadb-install-db', '--no-defaults', "--datadir=$path/data", '--skip-test-db',
            '--auth-root-authentication-method=normal']);
        $this->start(['mariadbd', '--no-defaults', "--datadir=$path/data", "--socket=$path/socket",
            "--pid-file=$path/pid", '--skip-networking', '--max-connections=200']);
        $this->server->waitUntil(static function () use ($path): bool {
            return Http::isListening("unix://$path/socket");
        }, 'MariaDB');
        $pdo = self::connectTo("mysql:unix_socket=$path/socket");
        $pdo->exec('CREATE DATABASE test');
    }

    private function startPostgresql(): void
    {
        $path = $this->directory->path;
        // Debian has a folder for each version, and none of them is in PATH.
        $folders = glob('/usr/lib/postgresql/*/bin') ?: [];
        $bin = $folders === [] ? '' : end($folders) . '/';
        $this->prepare([$bin . 'initdb', '--no-sync', '--auth=trust', '--username=shop', '--encoding=UTF8',
            '--locale=C', "--pgdata=$path/data"]);
        $this->start([$bin . 'postgres', '-D', "$path/data", '-k', $path, '-h', '', '-c', 'max_connections=200']);
        $this->server->waitUntil(function (): bool {
            try {
                return $this->connect() instanceof PDO;
            } catch (\PDOException $notYet) {
                return false;
            }
        }, 'PostgreSQL');
    }

    /** @param list<string> $command */
    private function prepare(array $command): void
    {
        [$status, $output] = Process::run(array_merge(Fpm::withoutRoot(), $command));
        if ($status !== 0) {
            throw new \RuntimeException($command[0] . " failed:\n" . $output);
        }
    }

    /** @param list<string> $command */
    private function start(array $command): void
    {
        $command = array_merge(Fpm::withoutRoot(), $command);
        $this->server = new Process($command, null, $this->directory->path . '/log');
    }
}
