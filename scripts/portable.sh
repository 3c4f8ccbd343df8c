#!/usr/bin/env bash
# Builds the shared library for old systems, with cargo-zigbuild, into build/portable, and looks that it
# wants no newer glibc than 2.17 and that it loads.
set -euo pipefail
cd "$(dirname "$0")/.."
oldest=2.17
triple=$(uname -m)-unknown-linux-gnu
tools=$PWD/build/tools/zig
[ -x "$tools/bin/cargo-zigbuild" ] || {
    python3 -m venv "$tools"
    "$tools/bin/pip" --disable-pip-version-check install --quiet cargo-zigbuild ziglang
}
# Zig comes as a Python package, and is found through that Python.
export PATH=$tools/bin:$PATH CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-target}
cargo-zigbuild rustc --release --lib --crate-type cdylib --target "$triple.$oldest"
mkdir -p build/portable
library=build/portable/libflexpay.so
cp "$CARGO_TARGET_DIR/$triple/release/libflexpay.so" "$library"

wanted=$(nm -D --undefined-only "$library" | grep -oE 'GLIBC_[0-9.]+' | sort -uV | tail -n 1)
newest=$(printf '%s\n' "${wanted#GLIBC_}" "$oldest" | sort -V | tail -n 1)
[ "$newest" = "$oldest" ] || { echo "$library wants $wanted" >&2; exit 1; }
version=$(python3 -c 'import ctypes, sys
library = ctypes.CDLL(sys.argv[1])
library.flexpay_version.restype = ctypes.c_char_p
print(library.flexpay_version().decode())' "./$library")
echo "portable: $library says $version, and wants $wanted"
