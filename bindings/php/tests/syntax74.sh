#!/usr/bin/env bash
# Checks the syntax of every file of the package, its tests and its examples with PHP 7.4 itself.
# PHP74 is the path of that PHP; tests/php74.sh downloads one.
set -euo pipefail
cd "$(dirname "$0")/.."

php=${PHP74:?PHP74 must name a PHP 7.4}
"$php" -r 'exit(PHP_MAJOR_VERSION === 7 && PHP_MINOR_VERSION === 4 ? 0 : 1);' || {
    echo "syntax74.sh: $php is not PHP 7.4" >&2
    exit 1
}
# Check that it refuses newer syntax.
for newer in 'final class A { public function __construct(private int $a) {} }' 'echo match (1) { 1 => 2 };' \
    '$a?->b();' 'f(a: 1);' 'function f(int|string $a) {}' 'enum A { case B; }' 'function f($a,) {}' \
    'function f(): static {}'; do
    if printf '<?php %s' "$newer" | "$php" -l >/dev/null 2>&1; then
        echo "syntax74.sh: PHP 7.4 accepts '$newer'" >&2
        exit 1
    fi
done

count=0
while IFS= read -r -d '' file; do
    "$php" -l "$file" >/dev/null || exit 1
    count=$((count + 1))
done < <(find . ../../examples/php \( -name '*.php' -o -path ./bin/flexpay \) -not -path './vendor/*' -print0)
echo "PHP 7.4 accepts all $count files"
