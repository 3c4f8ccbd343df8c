<?php

declare(strict_types=1);

namespace FlexPay\Internal;

use FlexPay\Exception\InvalidArgumentException;

/**
 * An array of options from the caller, read with type checks.
 *
 * @internal
 */
final class Options
{
    /** @var array<array-key, mixed> */
    private array $options;

    /**
     * @param array<array-key, mixed> $options by name
     * @param list<string>            $known the valid names. Any other is refused: otherwise a
     *                                       misspelt option would be ignored.
     *
     * @throws InvalidArgumentException
     */
    public function __construct(
        #[\SensitiveParameter]
        array $options,
        array $known
    ) {
        foreach (array_keys($options) as $name) {
            if (!in_array((string) $name, $known, true)) {
                throw Arguments::invalid((string) $name, 'is not an option; the options are ' . implode(', ', $known));
            }
        }
        $this->options = $options;
    }

    /** null if not given. */
    public function string(string $name): ?string
    {
        $string = $this->options[$name] ?? null;
        if ($string !== null && !is_string($string)) {
            throw Arguments::invalid($name, 'must be a string, not ' . gettype($string));
        }

        return $string;
    }

    /**
     * @param list<string> $names
     *
     * @return array<string, string|null> by name
     */
    public function strings(array $names): array
    {
        $strings = [];
        foreach ($names as $name) {
            $strings[$name] = $this->string($name);
        }

        return $strings;
    }

    /** Milliseconds, in the range of C's uint32_t; 0 if not given. */
    public function milliseconds(string $name, int $min = 0): int
    {
        $milliseconds = $this->options[$name] ?? null;
        if ($milliseconds === null) {
            return 0;
        }
        if (!is_int($milliseconds)) {
            throw Arguments::invalid($name, 'must be an int, not ' . gettype($milliseconds));
        }

        return Arguments::inRange($name, $milliseconds, $min);
    }

    /** false if not given. */
    public function flag(string $name): bool
    {
        $flag = $this->options[$name] ?? false;
        if (!is_bool($flag)) {
            throw Arguments::invalid($name, 'must be true or false, not ' . gettype($flag));
        }

        return $flag;
    }

    /**
     * The chosen name; the first one if not given.
     *
     * @param non-empty-list<string> $names
     */
    public function choice(string $name, array $names): string
    {
        $choice = $this->string($name) ?? $names[0];
        Arguments::oneOf($name, $choice, $names);

        return $choice;
    }

    /**
     * An object of a class; null if not given.
     *
     * @template T of object
     *
     * @param class-string<T> $class
     *
     * @return T|null
     */
    public function object(string $name, string $class): ?object
    {
        $object = $this->options[$name] ?? null;
        if ($object !== null && !$object instanceof $class) {
            throw Arguments::invalid($name, 'must be a ' . $class);
        }

        return $object;
    }
}
