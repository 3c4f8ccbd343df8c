#!/usr/bin/env bash
# What the library is made of: licences, duplicates and sources by deny.toml, for the library and its
# sandbox, and for the fuzzers; and known vulnerabilities, where their database can be had.
#
#   scripts/supply.sh
#
# FLEXPAY_NEED_ADVISORIES=1 fails where the database cannot be had; a release is made with it.
set -euo pipefail
cd "$(dirname "$0")/.."

tools=$PWD/build/tools
export PATH=$tools/bin:$PATH
if ! command -v cargo-deny >/dev/null; then
    echo "Installing cargo-deny into build/tools" >&2
    cargo install cargo-deny --version '^0.20' --locked --quiet --root "$tools"
fi

for manifest in Cargo.toml fuzz/Cargo.toml; do
    cargo-deny --log-level warn --manifest-path "$manifest" --locked \
        check --config deny.toml --hide-inclusion-graph --disable-fetch licenses bans sources
    echo "$manifest: licences, duplicates and sources are as deny.toml has them"
done

# The database is a Git repository on GitHub, which not every machine can reach.
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if timeout 120 cargo-deny --locked check --config deny.toml advisories >"$log" 2>&1; then
    echo "advisories: none is known"
elif grep -q 'failed to fetch advisory database\|failed to open advisory database' "$log" ||
    ! grep -q '^error\[' "$log"; then
    echo "ADVISORIES WERE NOT CHECKED: the database (github.com/RustSec/advisory-db) cannot be had here" >&2
    [ "${FLEXPAY_NEED_ADVISORIES:-0}" != 1 ]
else
    cat "$log" >&2
    exit 1
fi
