#!/usr/bin/env bash
# The stress test of the shared client under ThreadSanitizer: scripts/tsan.sh [ROUNDS]
#
# The standard library is built anew with the sanitizer in it (rust-src): without, every lock of the
# standard library would be invisible, and every use of one a false alarm. That wants a nightly
# compiler; the pinned one does when it is told so (RUSTC_BOOTSTRAP), for this build alone. It takes
# eight minutes of one processor the first time.
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=${1:-100}

if [ ! -e "$(rustc --print sysroot)/lib/rustlib/src/rust/library/Cargo.lock" ]; then
    rustup component add rust-src
fi
export RUSTC_BOOTSTRAP=1
export RUSTFLAGS="-Zsanitizer=thread -Copt-level=1"
# Sanitized code is of no use to other builds, nor they to it.
export CARGO_TARGET_DIR=${TSAN_TARGET_DIR:-$PWD/build/tsan}
host=$(rustc -vV | sed -n 's/^host: //p')

stress() {
    ${CARGO:-cargo} test -Zbuild-std --target "$host" --test stress "$@"
}
stress --no-run
# Not grep -q, which would end before nm has said everything.
for binary in "$CARGO_TARGET_DIR/$host"/debug/deps/stress-*; do
    if [ -x "$binary" ] && ! nm "$binary" | grep __tsan_init >/dev/null; then
        echo "ThreadSanitizer is not in $binary" >&2
        exit 1
    fi
done
TSAN_OPTIONS=suppressions=$PWD/scripts/tsan.supp STRESS_ROUNDS=$rounds stress -- --nocapture
