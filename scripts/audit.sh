#!/usr/bin/env bash
# Checks the dependencies of the library, the sandbox and the fuzzers: licences, duplicates and sources
# by the rules in deny.toml; and known vulnerabilities, if the database of advisories is available.
#
#   scripts/audit.sh
#
# FLEXPAY_NEED_ADVISORIES=1   fails if the database is not available; set it for a release
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
echo "the library: licences, duplicates and sources are allowed by deny.toml"
deny --workspace check --hide-inclusion-graph licenses sources
deny --manifest-path fuzz/Cargo.toml check --hide-inclusion-graph licenses sources
echo "its tests, the sandbox, the fuzzers: licences and sources are allowed by deny.toml"

# The database is a Git repository on GitHub. Not every machine can reach it.
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if timeout 120 cargo-deny --config deny.toml --locked --workspace check advisories >"$log" 2>&1; then
    echo "advisories: none for these dependencies"
elif grep -q 'advisory database' "$log" && ! grep -q '^error\[' "$log"; then
    echo "ADVISORIES WERE NOT CHECKED: their database, github.com/RustSec/advisory-db, is not available" >&2
    [ "${FLEXPAY_NEED_ADVISORIES:-0}" != 1 ]
else
    cat "$log" >&2
    exit 1
fi
