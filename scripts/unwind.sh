#!/usr/bin/env bash
# A build in which a panic could not be stopped at the border must not come about.
set -euo pipefail
if said=$("${CARGO:-cargo}" rustc --lib --crate-type lib -- -C panic=abort 2>&1); then
    echo "it builds with panic=abort" >&2
    exit 1
fi
grep -q 'flexpay must be built with panic = "unwind"' <<<"$said"
echo "unwind: panic=abort does not compile"
