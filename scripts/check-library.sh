#!/usr/bin/env bash
# Checks a shared library:
# - it exports the functions of the header, and nothing else;
# - it cannot be unloaded (NODELETE), and has a soname;
# - it needs no library but libc.
#
#   scripts/check-library.sh HEADER LIBRARY
set -euo pipefail
header=$1
library=$2

fail() {
    echo "$library: $1" >&2
    exit 1
}

declared=$(grep -v '^//' "$header" | grep -oE '\bflexpay_[a-z_]+\(' | tr -d '(' | grep -v '^flexpay_init$' | sort -u)
exported=$(nm -D --defined-only "$library" | awk '{ print $3 }' | sort -u)
if [ "$declared" != "$exported" ]; then
    diff <(echo "$declared") <(echo "$exported") >&2 || true
    fail "exports other functions than the header declares (< header, > library)"
fi

dynamic=$(readelf -d "$library")
grep -q 'NODELETE' <<<"$dynamic" || fail "can be unloaded: it has no NODELETE flag"
grep -q 'Library soname: \[libflexpay.so.[0-9]*\]' <<<"$dynamic" || fail "has no soname"

# Each further library must be found, mapped and relocated at every start of every script. Before 2.34
# glibc was split into several libraries, which most programs load anyway.
others=$(sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' <<<"$dynamic" |
    grep -vE '^(lib(c|m|dl|rt|pthread)|ld-linux.*)\.so\.' || true)
[ -z "$others" ] || fail "needs more than libc: $others"
glibc=$(nm -D --undefined-only "$library" | grep -oE 'GLIBC_[0-9.]+' | sort -uV | tail -n 1)

echo "library: exports the $(wc -l <<<"$exported") functions of the header; NODELETE; soname; needs only libc (${glibc:-no glibc})"
