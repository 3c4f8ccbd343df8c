#!/usr/bin/env bash
# Runs the fuzzers, one after the other, under AddressSanitizer.
#
#   fuzz/run.sh [SECONDS_PER_TARGET] [TARGET…]      600 seconds, all targets
#
# cargo-fuzz asks for a nightly compiler; the pinned one does as well when it is told so
# (RUSTC_BOOTSTRAP), for these builds alone. A finding stops the run and is left in
# fuzz/artifacts/TARGET: once it is mended, it goes to fuzz/regressions/TARGET, and what it teaches to
# tests/vectors.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-600}
shift || true
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(callback check_reply pay_reply ffi_structs)

tools=$PWD/build/tools
export PATH=$tools/bin:$PATH
if ! command -v cargo-fuzz >/dev/null; then
    echo "Installing cargo-fuzz into build/tools" >&2
    cargo install cargo-fuzz --locked --quiet --root "$tools"
fi
export RUSTC_BOOTSTRAP=1
# Sanitized code is of no use to other builds, nor they to it.
export CARGO_TARGET_DIR=${FUZZ_TARGET_DIR:-$PWD/fuzz/target}

host=$(rustc -vV | sed -n 's/^host: //p')

python3 fuzz/seed.py
for target in "${targets[@]}"; do
    # Built first, so that the seconds are the fuzzer's.
    cargo fuzz build "$target"
    # Not grep -q, which would end before nm has said everything.
    if ! nm "$CARGO_TARGET_DIR/$host/release/$target" | grep __asan_init >/dev/null; then
        echo "$target: AddressSanitizer is not in it" >&2
        exit 1
    fi
    # Leaks are looked for, too. The limits are of one input; a loaded machine is slow.
    cargo fuzz run "$target" -- -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 \
        -max_len=8192 -print_final_stats=1 -verbosity=0
done
