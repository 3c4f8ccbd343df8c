#!/usr/bin/env bash
# Checks the SBOMs against what cargo resolves: each crate in the library, the program and the sandbox is in its SBOM
# with the same version and a licence, and no crate that only the tests use is.
set -euo pipefail
cd "$(dirname "$0")/../.."
. packaging/common.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# crates PACKAGE [OPTION…]: one "name version" a line, without the workspace's own.
crates() {
    cargo tree --package "$1" --target all --prefix none --format '{p}' "${@:2}" |
        sed -n '/ (\//d; s/^\([^ ]*\) v\([^ ]*\).*/\1 \2/p' | sort -u
}

for pair in flexpay:libflexpay flexpay-cli:flexpay flexpay-sandbox:flexpay-sandbox; do
    crates "${pair%:*}" --edges normal,build >"$work/must"
    crates "${pair%:*}" --edges dev --depth 1 | comm -23 - "$work/must" >"$work/tests"
    python3 packaging/check/sbom.py "$dist/${pair#*:}-$version.cdx.json" "$work/must" "$work/tests"
done
