#!/usr/bin/env bash
# Tests an installed library: a program is built with pkg-config and with CMake, linked with the shared and with the
# static library, and runs without LD_LIBRARY_PATH.
#
#   scripts/test-prefix.sh PREFIX VERSION
#
# LIBDIR   the folder of the libraries under PREFIX (lib)
set -euo pipefail
prefix=$1
version=$2
libdir=$prefix/${LIBDIR:-lib}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset LD_LIBRARY_PATH
export PKG_CONFIG_PATH=$libdir/pkgconfig

fail() {
    echo "test-prefix.sh: $1" >&2
    exit 1
}

# quiet COMMAND…: shows the output of the command only if it fails.
quiet() {
    "$@" >"$work/output" 2>&1 || { cat "$work/output" >&2; fail "$*"; }
}

cat >"$work/program.c" <<'END'
#include <flexpay.h>
#include <stdio.h>

int main(void) {
    if (flexpay_abi_version() != FLEXPAY_ABI_VERSION) {
        return 1;
    }
    printf("flexpay %s\n", flexpay_version());
    return 0;
}
END

prints_version() {
    [ "$("$1")" = "flexpay $version" ] || fail "$1 does not print \"flexpay $version\""
}

[ "$(pkg-config --modversion flexpay)" = "$version" ] || fail "pkg-config reports another version"
# shellcheck disable=SC2046 # several options
"${CC:-cc}" -std=c99 -Wall -Wextra -Werror "$work/program.c" $(pkg-config --cflags --libs flexpay) \
    -o "$work/shared"
prints_version "$work/shared"
"${CC:-cc}" -std=c99 -o "$work/static" -I"$prefix/include" "$work/program.c" "$libdir/libflexpay.a" \
    -lpthread -ldl -lm
prints_version "$work/static"
# A program may have an SQLite of its own.
if nm --extern-only --defined-only "$libdir/libflexpay.a" 2>/dev/null | grep -q ' sqlite3_'; then
    fail "the static library has SQLite under SQLite's own names"
fi

mkdir "$work/cmake"
cp "$work/program.c" "$work/cmake/"
cat >"$work/cmake/CMakeLists.txt" <<END
cmake_minimum_required(VERSION 3.16)
project(shop C)
find_package(flexpay ${version%%-*} REQUIRED)
add_executable(shared program.c)
target_link_libraries(shared PRIVATE flexpay::flexpay)
add_executable(static program.c)
target_link_libraries(static PRIVATE flexpay::static)
END
quiet cmake -S "$work/cmake" -B "$work/cmake/build" -DCMAKE_PREFIX_PATH="$prefix"
quiet cmake --build "$work/cmake/build"
prints_version "$work/cmake/build/shared"
prints_version "$work/cmake/build/static"
sed -i "s/find_package(flexpay [^ ]*/find_package(flexpay 99/" "$work/cmake/CMakeLists.txt"
if cmake -S "$work/cmake" -B "$work/cmake/other" -DCMAKE_PREFIX_PATH="$prefix" >/dev/null 2>&1; then
    fail "CMake accepts this version as version 99"
fi
echo "prefix: pkg-config, CMake and static linking work in $prefix"
