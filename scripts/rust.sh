#!/usr/bin/env bash
# Says what to install where there is no Rust, or one that is too old.
#
#   scripts/rust.sh          (CARGO)
set -euo pipefail
cd "$(dirname "$0")/.."
needed=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)

if version=$("${CARGO:-cargo}" --version 2>/dev/null | awk '{ print $2 }') && [ -n "$version" ]; then
    oldest=$(printf '%s\n' "$needed" "$version" | sort -V | head -n 1)
    [ "$oldest" != "$needed" ] || exit 0
    found="This is cargo $version, which is too old."
else
    found="There is no cargo here."
fi
cat >&2 <<END
$found flexpay is built with Rust $needed or later. To install it, for yourself alone:

    curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh
    . "\$HOME/.cargo/env"

(see https://rustup.rs). The cargo that Debian 12 has as a package is 1.65, with rustc 1.63: too old.
END
exit 1
