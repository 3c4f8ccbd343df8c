#!/usr/bin/env bash
# Without cargo, or with one that is too old, make says what to install and from where.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
needed=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)

# says WORDS CARGO TARGET: make must fail, and say so.
says() {
    local words=$1 cargo=$2 target=$3
    if make --no-print-directory CARGO="$cargo" "$target" >"$work/said" 2>&1; then
        echo "make $target succeeds with CARGO=$cargo" >&2
        exit 1
    fi
    for words in "$words" "Rust $needed or later" https://sh.rustup.rs "Debian 12"; do
        grep -qF "$words" "$work/said" || { cat "$work/said" >&2; echo "not said: $words" >&2; exit 1; }
    done
}

printf '#!/bin/sh\necho "cargo 1.65.0"\n' >"$work/old-cargo"
chmod +x "$work/old-cargo"
# Whatever calls cargo asks first.
targets=$(awk -F : '/^[a-z-]+:/ { target = $1 } /\$\(CARGO\) (build|rustc|test|fmt|bench)/ { print target }' Makefile | sort -u)
[ "$(wc -w <<<"$targets")" -ge 5 ] || { echo "targets that call cargo: $targets" >&2; exit 1; }
for target in $targets test; do
    says "There is no cargo here" no-cargo-here "$target"
done
says "This is cargo 1.65.0, which is too old" "$work/old-cargo" build
echo "without Rust: $(wc -w <<<"$targets test") targets say what to install"
