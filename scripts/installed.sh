#!/usr/bin/env bash
# `make install` into an empty folder: a program is built against it with pkg-config and with CMake,
# shared and static, as a stranger would, and runs as it is. `make uninstall` leaves no file behind.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
prefix=$work/prefix
unset LD_LIBRARY_PATH
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)

fail() {
    echo "installed.sh: $1" >&2
    exit 1
}

# quiet COMMAND…: what it says is shown where it fails.
quiet() {
    "$@" >"$work/said" 2>&1 || { cat "$work/said" >&2; fail "$*"; }
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

says_its_version() {
    [ "$("$1")" = "flexpay $version" ] || fail "$1 does not say \"flexpay $version\""
}

# What is built is installed even by a user who has no cargo, such as root with sudo.
quiet make --no-print-directory install PREFIX="$prefix" CARGO=no-cargo-here
[ "$("$prefix/bin/flexpay-sandbox" --version)" = "flexpay-sandbox $version" ] || fail "the sandbox does not run"

export PKG_CONFIG_PATH=$prefix/lib/pkgconfig
[ "$(pkg-config --modversion flexpay)" = "$version" ] || fail "pkg-config names another version"
# shellcheck disable=SC2046 # several options
"${CC:-cc}" -std=c99 -Wall -Wextra -Werror "$work/program.c" $(pkg-config --cflags --libs flexpay) \
    -o "$work/shared"
says_its_version "$work/shared"
"${CC:-cc}" -std=c99 -o "$work/static" -I"$prefix/include" "$work/program.c" "$prefix/lib/libflexpay.a" \
    -lpthread -ldl -lm
says_its_version "$work/static"

mkdir "$work/cmake"
cp "$work/program.c" "$work/cmake/"
cat >"$work/cmake/CMakeLists.txt" <<END
cmake_minimum_required(VERSION 3.16)
project(shop C)
find_package(flexpay ${version%.*} REQUIRED)
add_executable(shared program.c)
target_link_libraries(shared PRIVATE flexpay::flexpay)
add_executable(static program.c)
target_link_libraries(static PRIVATE flexpay::static)
END
quiet cmake -S "$work/cmake" -B "$work/cmake/build" -DCMAKE_PREFIX_PATH="$prefix"
quiet cmake --build "$work/cmake/build"
says_its_version "$work/cmake/build/shared"
says_its_version "$work/cmake/build/static"
sed -i "s/find_package(flexpay [^ ]*/find_package(flexpay 99/" "$work/cmake/CMakeLists.txt"
if cmake -S "$work/cmake" -B "$work/cmake/other" -DCMAKE_PREFIX_PATH="$prefix" >/dev/null 2>&1; then
    fail "CMake takes this version for version 99"
fi

quiet make --no-print-directory uninstall PREFIX="$prefix"
left=$(find "$prefix" ! -type d)
[ -z "$left" ] || fail "left behind: $left"

# For a package: everything under DESTDIR, and nothing in it that knows of DESTDIR or of a run path.
quiet make --no-print-directory install DESTDIR="$work/package" PREFIX=/usr CARGO=no-cargo-here
! grep -rIlE "$work|rpath" "$work/package/usr/lib/pkgconfig" "$work/package/usr/lib/cmake" ||
    fail "these files name a folder of the build"
unexpected=$(find "$work/package" -path "$work/package/usr" -prune -o ! -type d -print)
[ -z "$unexpected" ] || fail "outside of the prefix: $unexpected"
echo "installed: pkg-config, CMake and static; uninstalled; staged for a package"
