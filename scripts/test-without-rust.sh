#!/usr/bin/env bash
# Tests that make prints what to install, and from where, if cargo is missing or too old.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
required=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)

# expect_failure TEXT CARGO TARGET: make TARGET must fail, and print TEXT and what to install.
expect_failure() {
    local text=$1 cargo=$2 target=$3
    if make --no-print-directory CARGO="$cargo" "$target" >"$work/output" 2>&1; then
        echo "make $target succeeds with CARGO=$cargo" >&2
        exit 1
    fi
    for text in "$text" "Rust $required or later" https://sh.rustup.rs "Debian 12"; do
        grep -qF "$text" "$work/output" || { cat "$work/output" >&2; echo "not printed: $text" >&2; exit 1; }
    done
}

printf '#!/bin/sh\necho "cargo 1.65.0"\n' >"$work/old-cargo"
chmod +x "$work/old-cargo"
# Every target that calls cargo must check first.
targets=$(awk -F : '/^[a-z-]+:/ { target = $1 } /\$\(CARGO\) (build|rustc|test|fmt|bench)/ { print target }' Makefile | sort -u)
[ "$(wc -w <<<"$targets")" -ge 5 ] || { echo "too few targets call cargo: $targets" >&2; exit 1; }
for target in $targets test; do
    expect_failure "cargo was not found" no-such-cargo "$target"
done
expect_failure "cargo 1.65.0 is too old" "$work/old-cargo" build
echo "without Rust: $(wc -w <<<"$targets test") targets print what to install"
