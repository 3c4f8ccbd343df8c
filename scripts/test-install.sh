#!/usr/bin/env bash
# Tests `make install` into an empty folder: a program is built with what is installed (test-prefix.sh).
# `make uninstall` must remove every file.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
prefix=$work/prefix
unset LD_LIBRARY_PATH
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)

fail() {
    echo "test-install.sh: $1" >&2
    exit 1
}

# quiet COMMAND…: shows the output of the command only if it fails.
quiet() {
    "$@" >"$work/output" 2>&1 || { cat "$work/output" >&2; fail "$*"; }
}

# A user without cargo, such as root with sudo, can install what is already built.
quiet make --no-print-directory install PREFIX="$prefix" CARGO=no-such-cargo
[ "$("$prefix/bin/flexpay-sandbox" --version)" = "flexpay-sandbox $version" ] || fail "the sandbox does not run"

[ "$("$prefix/bin/flexpay" version)" = "flexpay $version" ] || fail "the program does not run"
grep -q 'flexpay' "$prefix/share/bash-completion/completions/flexpay" || fail "there are no completions"
[ -s "$prefix/share/man/man1/flexpay-pay-mobile.1" ] || fail "there are no man pages"

scripts/test-prefix.sh "$prefix" "$version"

quiet make --no-print-directory uninstall PREFIX="$prefix"
remaining=$(find "$prefix" ! -type d)
[ -z "$remaining" ] || fail "not removed: $remaining"

# For a package: everything is under DESTDIR, and no file contains DESTDIR or a run path.
quiet make --no-print-directory install DESTDIR="$work/package" PREFIX=/usr CARGO=no-such-cargo
! grep -rIlE "$work|rpath" "$work/package/usr/lib/pkgconfig" "$work/package/usr/lib/cmake" ||
    fail "these files contain a build folder or a run path"
unexpected=$(find "$work/package" -path "$work/package/usr" -prune -o ! -type d -print)
[ -z "$unexpected" ] || fail "outside the prefix: $unexpected"
echo "install: pkg-config, CMake and static linking work; uninstall and DESTDIR, too"
