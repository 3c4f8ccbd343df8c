#!/usr/bin/env bash
# The names in the header are the names in the library, and nothing else is exported; the library
# stays resident, and goes by its soname.
#
#   scripts/exports.sh HEADER LIBRARY
set -euo pipefail
header=$1
library=$2

declared=$(grep -v '^//' "$header" | grep -oE '\bflexpay_[a-z_]+\(' | tr -d '(' | grep -v '^flexpay_init$' | sort -u)
exported=$(nm -D --defined-only "$library" | awk '{ print $3 }' | sort -u)
if [ "$declared" != "$exported" ]; then
    echo "header and library differ (< header, > library):" >&2
    diff <(echo "$declared") <(echo "$exported") >&2 || true
    exit 1
fi
dynamic=$(readelf -d "$library")
grep -q 'NODELETE' <<<"$dynamic" || { echo "the library may be unloaded: no NODELETE" >&2; exit 1; }
grep -q 'Library soname: \[libflexpay.so.[0-9]*\]' <<<"$dynamic" || { echo "no soname" >&2; exit 1; }
echo "exports: $(wc -l <<<"$exported") names, in the header and in the library; NODELETE; soname"
