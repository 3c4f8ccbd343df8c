#!/usr/bin/env bash
# Has PHP 7.4 itself read every file of the package, its tests and its examples: what 7.4 does not
# know is an error to it. PHP74 names that PHP; tests/php74.sh fetches one.
set -euo pipefail
cd "$(dirname "$0")/.."

php=${PHP74:?PHP74 must name a PHP 7.4}
"$php" -r 'exit(PHP_MAJOR_VERSION === 7 && PHP_MINOR_VERSION === 4 ? 0 : 1);' || {
    echo "syntax74.sh: $php is no PHP 7.4" >&2
    exit 1
}
# That it does refuse what is newer.
for newer in 'final class A { public function __construct(private int $a) {} }' 'echo match (1) { 1 => 2 };' \
    '$a?->b();' 'f(a: 1);' 'function f(int|string $a) {}' 'enum A { case B; }' 'function f($a,) {}' \
    'function f(): static {}'; do
    if printf '<?php %s' "$newer" | "$php" -l >/dev/null 2>&1; then
        echo "syntax74.sh: PHP 7.4 takes '$newer'?" >&2
        exit 1
    fi
done

count=0
while IFS= read -r -d '' file; do
    "$php" -l "$file" >/dev/null || exit 1
    count=$((count + 1))
done < <(find . ../../examples/php -name '*.php' -not -path './vendor/*' -print0)
echo "PHP 7.4 reads all $count files"
