#!/usr/bin/env bash
# A panic stops at the border: in a shared library as it is linked, and beside another unwinder. A
# build in which it could not be stopped must not come about.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo=${CARGO:-cargo}
build=${BUILD_DIR:-build/tests/unwind}

if said=$("$cargo" rustc --lib --crate-type lib -- -C panic=abort 2>&1); then
    echo "it builds with panic=abort" >&2
    exit 1
fi
grep -q 'flexpay must be built with panic = "unwind"' <<<"$said"
echo "unwind: panic=abort does not compile"

mkdir -p "$build"
rm -f "$build/libflexpay.so.0"
# Where cargo put it; it must not stay there, where it would be taken for the library.
panics=$("$cargo" rustc --quiet --lib --crate-type cdylib --message-format=json -- --cfg flexpay_panics |
    grep -oE '"[^"]*/libflexpay\.so"' | tail -n 1 | tr -d '"')
mv "$panics" "$build/libflexpay.so.0"
for unwinder in "" "-Wl,--no-as-needed,-lgcc_s"; do
    # Unquoted: nothing, or one flag.
    # shellcheck disable=SC2086
    "${CC:-cc}" -std=c99 -Wall -Wextra -Werror -Iinclude tests/c/panics.c -o "$build/panics" \
        "$build/libflexpay.so.0" -Wl,-rpath,"$PWD/$build" $unwinder
    said=$("$build/panics" 2>&1) || { echo "$said" >&2; exit 1; }
done
echo "unwind: a panic in the shared library comes back as INTERNAL, beside another unwinder, too"
