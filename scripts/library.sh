#!/usr/bin/env bash
# What the shared library shows: the names in the header, and nothing else. What it is: resident, and
# known by its soname. What it needs: libc alone, and which. What it weighs, stripped: 2.5 MiB at most.
#
#   scripts/library.sh HEADER LIBRARY
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
    fail "is not what the header says (< header, > library)"
fi

dynamic=$(readelf -d "$library")
grep -q 'NODELETE' <<<"$dynamic" || fail "may be unloaded: no NODELETE"
grep -q 'Library soname: \[libflexpay.so.[0-9]*\]' <<<"$dynamic" || fail "has no soname"

# Every file more is to be found, mapped and relocated at every start of every script. Before 2.34
# glibc came in pieces, which most programs load in any case.
others=$(sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' <<<"$dynamic" |
    grep -vE '^(lib(c|m|dl|rt|pthread)|ld-linux.*)\.so\.' || true)
[ -z "$others" ] || fail "needs more than libc: $others"
glibc=$(nm -D --undefined-only "$library" | grep -oE 'GLIBC_[0-9.]+' | sort -uV | tail -n 1)

stripped=$(mktemp)
trap 'rm -f "$stripped"' EXIT
strip -o "$stripped" "$library"
size=$(stat -c %s "$stripped")
# Other processors want more bytes for the same.
[ "$(uname -m)" != x86_64 ] || [ "$size" -le $((5 * 1024 * 1024 / 2)) ] ||
    fail "is $size bytes when stripped, more than 2.5 MiB"

echo "library: $(wc -l <<<"$exported") names, in the header and in it; NODELETE; soname; libc alone (${glibc:-no glibc}); $size bytes stripped"
