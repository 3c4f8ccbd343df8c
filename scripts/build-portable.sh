#!/usr/bin/env bash
# Builds the shared library for old systems, with cargo-zigbuild, into build/portable. Checks that it
# requires glibc 2.17 or older, and that it loads.
set -euo pipefail
cd "$(dirname "$0")/.."
glibc=2.17
triple=$(uname -m)-unknown-linux-gnu
tools=$PWD/build/tools/zig
[ -x "$tools/bin/cargo-zigbuild" ] || {
    python3 -m venv "$tools"
    "$tools/bin/pip" --disable-pip-version-check install --quiet cargo-zigbuild ziglang
}
# cargo-zigbuild finds Zig, a Python package, through the Python in this folder.
export PATH=$tools/bin:$PATH CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-target}
cargo-zigbuild rustc --release --lib --crate-type cdylib --target "$triple.$glibc"
mkdir -p build/portable
library=build/portable/libflexpay.so
cp "$CARGO_TARGET_DIR/$triple/release/libflexpay.so" "$library"

required=$(nm -D --undefined-only "$library" | grep -oE 'GLIBC_[0-9.]+' | sort -uV | tail -n 1)
highest=$(printf '%s\n' "${required#GLIBC_}" "$glibc" | sort -V | tail -n 1)
[ "$highest" = "$glibc" ] || { echo "$library requires $required" >&2; exit 1; }
version=$(python3 -c 'import ctypes, sys
library = ctypes.CDLL(sys.argv[1])
library.flexpay_version.restype = ctypes.c_char_p
print(library.flexpay_version().decode())' "./$library")
echo "portable: $library loads, is version $version, and requires $required"
