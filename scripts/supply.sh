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

deny() {
    cargo-deny --log-level error --config deny.toml --locked "$@"
}
deny --exclude-dev check --hide-inclusion-graph licenses bans sources
echo "the library: licences, duplicates and sources are as deny.toml has them"
deny --workspace check --hide-inclusion-graph licenses sources
deny --manifest-path fuzz/Cargo.toml check --hide-inclusion-graph licenses sources
echo "its tests, the sandbox, the fuzzers: licences and sources are as deny.toml has them"

# The database is a Git repository on GitHub, which not every machine can reach.
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if timeout 120 cargo-deny --config deny.toml --locked --workspace check advisories >"$log" 2>&1; then
    echo "advisories: none is known"
elif grep -q 'advisory database' "$log" && ! grep -q '^error\[' "$log"; then
    echo "ADVISORIES WERE NOT CHECKED: their database, github.com/RustSec/advisory-db, cannot be had here" >&2
    [ "${FLEXPAY_NEED_ADVISORIES:-0}" != 1 ]
else
    cat "$log" >&2
    exit 1
fi
