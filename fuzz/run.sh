#!/usr/bin/env bash
# Runs the fuzzers, one after the other, under AddressSanitizer.
#
#   fuzz/run.sh [SECONDS_PER_TARGET] [TARGET…]      600 seconds, all targets; 0: saved inputs only
#
# FUZZ_PROFILE   release (default), or short: builds in half the time, runs slower
#
# The targets are in cargo-fuzz's layout, so `cargo fuzz run TARGET` works too. This script builds them
# with the same flags, without installing cargo-fuzz. The sanitizer needs a nightly compiler; for these
# builds only, RUSTC_BOOTSTRAP lets the pinned stable compiler accept its flags. The saved inputs run
# first. A finding stops the run and is saved in fuzz/artifacts/TARGET. Once it is fixed, move it to
# fuzz/regressions/TARGET and add a case to tests/vectors.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-600}
shift || true
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(callback check_reply pay_reply wallet_reply phone ffi_structs journal_step)
profile=${FUZZ_PROFILE:-release}

export RUSTC_BOOTSTRAP=1
# A separate target directory: sanitized code cannot be shared with other builds.
export CARGO_TARGET_DIR=${FUZZ_TARGET_DIR:-$PWD/fuzz/target}
host=$(rustc -vV | sed -n 's/^host: //p')
# The compiler flags of cargo-fuzz: libFuzzer's coverage, and the sanitizer.
RUSTFLAGS="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares -Cllvm-args=-simplifycfg-branch-fold-threshold=0 \
-Zsanitizer=address -Cdebug-assertions --cfg fuzzing"
export RUSTFLAGS
# --target is given so that build scripts are not sanitized.
${CARGO:-cargo} build --quiet --manifest-path fuzz/Cargo.toml --profile "$profile" --target "$host" --bins

python3 fuzz/seed.py
for target in "${targets[@]}"; do
    binary=$CARGO_TARGET_DIR/$host/$profile/$target
    # Not grep -q: it would exit before nm has written all its output, and pipefail would report that.
    if ! nm "$binary" | grep __asan_init >/dev/null; then
        echo "$target: not built with AddressSanitizer" >&2
        exit 1
    fi
    mkdir -p "fuzz/artifacts/$target"
    limits=(-timeout=10 -rss_limit_mb=2048 -max_len=8192 -verbosity=0 -print_funcs=0
        "-artifact_prefix=fuzz/artifacts/$target/")
    echo "$target"
    # Run the saved inputs separately, so that they do not count against the seconds.
    "$binary" "${limits[@]}" -runs=0 "fuzz/corpus/$target"
    # For libFuzzer, 0 seconds means no limit.
    [ "$seconds" -gt 0 ] || continue
    # Leaks are detected, too. The limits apply to one input, and allow for a slow, loaded machine.
    "$binary" "${limits[@]}" -max_total_time="$seconds" -print_final_stats=1 "fuzz/corpus/$target" 2>&1 |
        sed '/# Recommended dictionary/,/# End of recommended/d'
done
