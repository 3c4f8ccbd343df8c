#!/usr/bin/env bash
# Fails, and prints what to install, if Rust is missing or too old.
#
#   scripts/require-rust.sh
#
# CARGO   the cargo to check (cargo)
set -euo pipefail
cd "$(dirname "$0")/.."
required=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)

if version=$("${CARGO:-cargo}" --version 2>/dev/null | awk '{ print $2 }') && [ -n "$version" ]; then
    oldest=$(printf '%s\n' "$required" "$version" | sort -V | head -n 1)
    [ "$oldest" != "$required" ] || exit 0
    problem="cargo $version is too old."
else
    problem="cargo was not found."
fi
cat >&2 <<END
$problem Building flexpay requires Rust $required or later. To install it for your user only:

    curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh
    . "\$HOME/.cargo/env"

(see https://rustup.rs). Debian 12's own packages, cargo 1.65 and rustc 1.63, are too old.
END
exit 1
