<?php

declare(strict_types=1);

namespace FlexPay\Internal;

use FlexPay\Exception\InvalidArgumentException;

/**
 * Options by name, as the caller gave them, read by type.
 *
 * @internal
 */
final class Options
{
    private const UINT32_MAX = 4294967295;

    /** @var array<array-key, mixed> */
    private array $given;

    /**
     * @param array<array-key, mixed> $given
     * @param list<string>            $known all others are refused: a name misspelt would otherwise
     *                                       be a setting lost
     *
     * @throws InvalidArgumentException
     */
    public function __construct(
        #[\SensitiveParameter]
        array $given,
        array $known
    ) {
        foreach (array_keys($given) as $name) {
            if (!in_array((string) $name, $known, true)) {
                throw Arguments::refused((string) $name, 'is no option here; there are ' . implode(', ', $known));
            }
        }
        $this->given = $given;
    }

    /** null where it was left out. */
    public function text(string $name): ?string
    {
        $text = $this->given[$name] ?? null;
        if ($text !== null && !is_string($text)) {
            throw Arguments::refused($name, 'must be a string, not ' . gettype($text));
        }

        return $text;
    }

    /**
     * @param list<string> $names
     *
     * @return array<string, string|null> by name
     */
    public function texts(array $names): array
    {
        $texts = [];
        foreach ($names as $name) {
            $texts[$name] = $this->text($name);
        }

        return $texts;
    }

    /** Milliseconds, as C's uint32_t holds them; 0 where they were left out. */
    public function milliseconds(string $name, int $least = 0): int
    {
        $milliseconds = $this->given[$name] ?? null;
        if ($milliseconds === null) {
            return 0;
        }
        if (!is_int($milliseconds) || $milliseconds < $least || $milliseconds > self::UINT32_MAX) {
            throw Arguments::refused($name, "must be an int from $least to " . self::UINT32_MAX);
        }

        return $milliseconds;
    }

    /** $number where it is true; 0 where it is false or was left out. */
    public function flag(string $name, int $number): int
    {
        $flag = $this->given[$name] ?? false;
        if (!is_bool($flag)) {
            throw Arguments::refused($name, 'must be true or false, not ' . gettype($flag));
        }

        return $flag ? $number : 0;
    }

    /**
     * The number of a choice; of the first where it was left out.
     *
     * @param array<string, int> $choices
     */
    public function choice(string $name, array $choices): int
    {
        $names = array_keys($choices);
        $choice = $this->text($name) ?? $names[0];
        if (!isset($choices[$choice])) {
            throw Arguments::refused($name, 'must be "' . implode('" or "', $names) . '"');
        }

        return $choices[$choice];
    }

    /**
     * An object of a class; null where it was left out.
     *
     * @template T of object
     *
     * @param class-string<T> $class
     *
     * @return T|null
     */
    public function object(string $name, string $class): ?object
    {
        $object = $this->given[$name] ?? null;
        if ($object !== null && !$object instanceof $class) {
            throw Arguments::refused($name, 'must be a ' . $class);
        }

        return $object;
    }
}
