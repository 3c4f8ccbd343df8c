<?php

declare(strict_types=1);

namespace FlexPay\Tests\Support;

/** A connection that shows its statements, and whose commits may fail. */
final class InterceptedPdo extends \PDO
{
    /** @var (callable(callable(): mixed): mixed)|null called instead of each commit, which it receives */
    public $onCommit = null;

    /** @var (callable(string): void)|null receives each statement before it is prepared */
    public $onPrepare = null;

    /** @var list<string> the statements that were prepared */
    public array $prepared = [];

    #[\ReturnTypeWillChange]
    public function prepare($query, $options = [])
    {
        $this->prepared[] = $query;
        if ($this->onPrepare !== null) {
            ($this->onPrepare)($query);
        }

        return parent::prepare($query, $options);
    }

    #[\ReturnTypeWillChange]
    public function commit()
    {
        return $this->intercept(function () {
            return parent::commit();
        });
    }

    /** SQLite's transactions are begun and committed with SQL. */
    #[\ReturnTypeWillChange]
    public function exec($statement)
    {
        return $statement !== 'COMMIT' ? parent::exec($statement) : $this->intercept(function () {
            return parent::exec('COMMIT');
        });
    }

    /** @return mixed */
    private function intercept(callable $commit)
    {
        return $this->onCommit === null ? $commit() : ($this->onCommit)($commit);
    }

    public static function error(string $state, int $code, string $message): \PDOException
    {
        $error = new \PDOException("SQLSTATE[$state]: $message");
        $error->errorInfo = [$state, $code, $message];

        return $error;
    }
}
