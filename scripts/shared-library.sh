#!/usr/bin/env bash
# Links the shared library from the static one. Each exported function gets its version (src/ffi/libflexpay.map).
#
#   scripts/shared-library.sh STATIC SHARED [LINKER OPTION…]
#
# rustc links a shared library too, but with a version script of its own, which gives no versions; and a linker
# accepts no second one beside it.
#
# CC   the compiler to link with, with its options (cc)
set -euo pipefail

static=$1
shared=$2
shift 2
root=$(cd "$(dirname "$0")/.." && pwd)
major=$(sed -n '/^\[workspace.package\]/,/^$/s/^version = "\([0-9]*\)\..*/\1/p' "$root/Cargo.toml")

options=(
    -shared
    "-Wl,-soname,libflexpay.so.$major"
    "-Wl,--version-script=$root/src/ffi/libflexpay.map"
    # Unloading the library before its thread-local destructors have run would crash the process
    # (rust-lang/rust#91979). So it is never unloaded.
    -Wl,-z,nodelete
    # As rustc does: no relocation at run time can be overwritten, and unused code is left out.
    -Wl,-z,relro,-z,now
    -Wl,-z,noexecstack
    -Wl,--gc-sections
    -Wl,--as-needed
    -Wl,--strip-debug
)
# Unquoted: CC may hold options.
# shellcheck disable=SC2086
${CC:-cc} "${options[@]}" -o "$shared.new" -Wl,--whole-archive "$static" -Wl,--no-whole-archive "$@"
mv "$shared.new" "$shared"
