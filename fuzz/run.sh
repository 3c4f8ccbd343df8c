#!/usr/bin/env bash
# Runs the fuzzers, one after the other, under AddressSanitizer.
#
#   fuzz/run.sh [SECONDS_PER_TARGET] [TARGET…]      600 seconds, all targets; 0: the kept inputs alone
#
# FUZZ_PROFILE   release, or short: built in half the time, and slower (release)
#
# The targets are in cargo-fuzz's layout, and `cargo fuzz run TARGET` does as well; here they are built
# as cargo-fuzz builds them, without installing it. The sanitizer wants a nightly compiler; the pinned
# one does when it is told so (RUSTC_BOOTSTRAP), for these builds alone. Every input that was ever worth
# keeping is played first. A finding stops the run and is left in fuzz/artifacts/TARGET: once it is
# mended, it goes to fuzz/regressions/TARGET, and what it teaches to tests/vectors.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-600}
shift || true
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(callback check_reply pay_reply ffi_structs)
profile=${FUZZ_PROFILE:-release}

export RUSTC_BOOTSTRAP=1
# Sanitized code is of no use to other builds, nor they to it.
export CARGO_TARGET_DIR=${FUZZ_TARGET_DIR:-$PWD/fuzz/target}
host=$(rustc -vV | sed -n 's/^host: //p')
# What cargo-fuzz gives the compiler: libFuzzer's eyes, and the sanitizer.
RUSTFLAGS="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares -Cllvm-args=-simplifycfg-branch-fold-threshold=0 \
-Zsanitizer=address -Cdebug-assertions --cfg fuzzing"
export RUSTFLAGS
# A target of its own, named, so that build scripts are not sanitized.
${CARGO:-cargo} build --quiet --manifest-path fuzz/Cargo.toml --profile "$profile" --target "$host" --bins

python3 fuzz/seed.py
for target in "${targets[@]}"; do
    binary=$CARGO_TARGET_DIR/$host/$profile/$target
    # Not grep -q, which would end before nm has said everything.
    if ! nm "$binary" | grep __asan_init >/dev/null; then
        echo "$target: AddressSanitizer is not in it" >&2
        exit 1
    fi
    mkdir -p "fuzz/artifacts/$target"
    limits=(-timeout=10 -rss_limit_mb=2048 -max_len=8192 -verbosity=0 -print_funcs=0
        "-artifact_prefix=fuzz/artifacts/$target/")
    echo "$target"
    # Played one by one, the kept inputs take no share of the seconds, however many they are.
    "$binary" "${limits[@]}" -runs=0 "fuzz/corpus/$target"
    # To libFuzzer, no seconds are no end.
    [ "$seconds" -gt 0 ] || continue
    # Leaks are looked for, too. The limits are of one input; a loaded machine is slow.
    "$binary" "${limits[@]}" -max_total_time="$seconds" -print_final_stats=1 "fuzz/corpus/$target" 2>&1 |
        sed '/# Recommended dictionary/,/# End of recommended/d'
done
