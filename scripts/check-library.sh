#!/usr/bin/env bash
# Checks a shared library:
# - it exports the functions of the header, and nothing else;
# - each has the version that src/ffi/libflexpay.map gives it;
# - it cannot be unloaded (NODELETE), and has a soname;
# - it needs no library but libc.
#
#   scripts/check-library.sh HEADER LIBRARY
set -euo pipefail
header=$1
library=$2
version_script=$(dirname "$0")/../src/ffi/libflexpay.map

fail() {
    echo "$library: $1" >&2
    exit 1
}

# compare A B MESSAGE: the two lists must be the same.
compare() {
    [ "$1" = "$2" ] && return
    diff <(echo "$1") <(echo "$2") >&2 || true
    fail "$3"
}

export LC_ALL=C
declared=$(grep -v '^//' "$header" | grep -oE '\bflexpay_[a-z_]+\(' | tr -d '(' | grep -v '^flexpay_init$' | sort -u)
# name@@version. The versions themselves are absolute symbols (A).
exported=$(nm -D --defined-only "$library" | awk '$2 != "A" { print $3 }' | sort -u)
versioned=$(awk '/\{$/ { version = $1 } /^ *flexpay_.*;$/ { sub(";", ""); print $1 "@@" version }' "$version_script" |
    sort -u)
compare "$declared" "$(sed 's/@.*//' <<<"$exported")" "exports other functions than the header declares (< header, > library)"
compare "$versioned" "$exported" "the functions have other versions than in libflexpay.map (< libflexpay.map, > library)"

dynamic=$(readelf -d "$library")
grep -q 'NODELETE' <<<"$dynamic" || fail "can be unloaded: it has no NODELETE flag"
grep -q 'Library soname: \[libflexpay.so.[0-9]*\]' <<<"$dynamic" || fail "has no soname"

# Each further library must be found, mapped and relocated at every start of every script. Before 2.34
# glibc was split into several libraries, which most programs load anyway. That of musl is one, without a number.
others=$(sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' <<<"$dynamic" |
    grep -vE '^(lib(c|m|dl|rt|pthread)|ld-linux.*)\.so(\.|$)' || true)
[ -z "$others" ] || fail "needs more than libc: $others"
glibc=$(nm -D --undefined-only "$library" | grep -oE 'GLIBC_[0-9.]+' | sort -uV | tail -n 1 || true)

echo "library: exports the $(wc -l <<<"$exported") functions of the header, with versions; NODELETE; soname; needs only libc (${glibc:-no glibc})"
