#!/usr/bin/env bash
# Runs the stress test of a shared client under ThreadSanitizer.
#
#   scripts/tsan.sh [ROUNDS]
#
# The standard library is rebuilt with the sanitizer (from rust-src). Otherwise the sanitizer would not
# see the locks of the standard library, and would report a false race at every use of one. This needs a
# nightly compiler, or RUSTC_BOOTSTRAP=1, set here for this build only. The first run takes eight minutes
# on one processor.
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=${1:-100}

if [ ! -e "$(rustc --print sysroot)/lib/rustlib/src/rust/library/Cargo.lock" ]; then
    rustup component add rust-src
fi
export RUSTC_BOOTSTRAP=1
export RUSTFLAGS="-Zsanitizer=thread -Copt-level=1"
# A folder of its own: other builds cannot share code with the sanitizer in it.
export CARGO_TARGET_DIR=${TSAN_TARGET_DIR:-$PWD/build/tsan}
host=$(rustc -vV | sed -n 's/^host: //p')

stress() {
    ${CARGO:-cargo} test -Zbuild-std --target "$host" --test stress "$@"
}
stress --no-run
# Not grep -q: it would exit before nm has written everything.
for binary in "$CARGO_TARGET_DIR/$host"/debug/deps/stress-*; do
    if [ -x "$binary" ] && ! nm "$binary" | grep __tsan_init >/dev/null; then
        echo "ThreadSanitizer is not in $binary" >&2
        exit 1
    fi
done
TSAN_OPTIONS=suppressions=$PWD/scripts/tsan.supp STRESS_ROUNDS=$rounds stress -- --nocapture
