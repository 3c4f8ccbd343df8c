#!/usr/bin/env bash
# Checks the SBOMs against the lock file: each crate that `cargo tree` finds in the library, the program and the
# sandbox is in its SBOM with the same version and a licence, and nothing that is only for tests is.
set -euo pipefail
cd "$(dirname "$0")/../.."
. packaging/common.sh
for pair in flexpay:libflexpay flexpay-cli:flexpay flexpay-sandbox:flexpay-sandbox; do
    cargo tree --package "${pair%:*}" --target all --edges normal,build --prefix none --format '{p}' |
        sed -n 's/^\([^ ]*\) v\([^ ]*\).*/\1 \2/p' | sort -u |
        python3 packaging/check/sbom.py "$dist/${pair#*:}-$version.cdx.json"
done
