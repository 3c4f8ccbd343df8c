#!/usr/bin/env bash
# Builds the shared library for old systems, as the package for this kind of machine has it, into build/portable.
# Checks that it requires glibc 2.17 or older, and that it loads.
set -euo pipefail
cd "$(dirname "$0")/.."
glibc=2.17
platform=linux-$(uname -m)
packaging/build.sh --only library "$platform"
mkdir -p build/portable
library=build/portable/libflexpay.so
cp "build/platforms/$platform/lib/libflexpay.so" "$library"

required=$(nm -D --undefined-only "$library" | grep -oE 'GLIBC_[0-9.]+' | sort -uV | tail -n 1)
highest=$(printf '%s\n' "${required#GLIBC_}" "$glibc" | sort -V | tail -n 1)
[ "$highest" = "$glibc" ] || { echo "$library requires $required" >&2; exit 1; }
version=$(python3 -c 'import ctypes, sys
library = ctypes.CDLL(sys.argv[1])
library.flexpay_version.restype = ctypes.c_char_p
print(library.flexpay_version().decode())' "./$library")
echo "portable: $library loads, is version $version, and requires $required"
