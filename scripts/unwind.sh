#!/usr/bin/env bash
# Tests that a panic does not leave the C functions: in the shared library as it is linked, also in a
# process with a second unwinder (libgcc_s). With panic=abort, the library must not compile.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo=${CARGO:-cargo}
build=${BUILD_DIR:-build/tests/unwind}

if output=$("$cargo" rustc --lib --crate-type lib -- -C panic=abort 2>&1); then
    echo "unwind.sh: the library compiles with panic=abort" >&2
    exit 1
fi
grep -q 'flexpay must be built with panic = "unwind"' <<<"$output"
echo "unwind: panic=abort does not compile"

mkdir -p "$build"
rm -f "$build/libflexpay.so.1"
# Linked as `make build` links it.
archive=$("$cargo" rustc --quiet --lib --crate-type staticlib --message-format=json -- --cfg flexpay_panics |
    grep -oE '"[^"]*/libflexpay\.a"' | tail -n 1 | tr -d '"')
scripts/shared-library.sh "$archive" "$build/libflexpay.so.1" -static-libgcc
# In the target folder it would be mistaken for the real library.
rm "$archive"
for linker_flag in "" "-Wl,--no-as-needed,-lgcc_s"; do
    # Unquoted: no flag, or one.
    # shellcheck disable=SC2086
    "${CC:-cc}" -std=c99 -Wall -Wextra -Werror -Iinclude tests/c/panics.c -o "$build/panics" \
        "$build/libflexpay.so.1" -Wl,-rpath,"$PWD/$build" $linker_flag
    output=$("$build/panics" 2>&1) || { echo "$output" >&2; exit 1; }
done
echo "unwind: a panic in the shared library returns INTERNAL, also with a second unwinder"
