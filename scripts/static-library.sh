#!/usr/bin/env bash
# Copies the static library, and renames the functions of the SQLite in it: a program that is linked with both
# libflexpay.a and its own SQLite must get its own.
#
#   scripts/static-library.sh BUILT COPY
#
# NM, OBJCOPY   the tools for the platform (nm, objcopy)
set -euo pipefail

built=$1
copy=$2
names=$(mktemp)
trap 'rm -f "$names"' EXIT

"${NM:-nm}" --extern-only --defined-only "$built" 2>/dev/null |
    awk '$3 ~ /^sqlite3/ { print $3, "flexpay_" $3 }' | sort -u >"$names"
"${OBJCOPY:-objcopy}" --strip-debug --redefine-syms="$names" "$built" "$copy.new"
mv "$copy.new" "$copy"
