#!/usr/bin/env bash
# Checks flexpay.dll and flexpay.def: both have the functions of the header, and nothing else.
#
#   scripts/check-dll.sh HEADER FOLDER
#
# OBJDUMP   the tool for the platform (objdump)
set -euo pipefail
header=$1
folder=$2
export LC_ALL=C

declared=$(grep -v '^//' "$header" | grep -oE '\bflexpay_[a-z_]+\(' | tr -d '(' | grep -v '^flexpay_init$' | sort -u)
# The names follow this heading, up to an empty line.
exported=$("${OBJDUMP:-objdump}" -p "$folder/flexpay.dll" |
    awk '/^\[Ordinal\/Name Pointer\] Table/ { names = 1; next } !NF { names = 0 } names { print $NF }' | sort -u)
listed=$(awk '/^ / { print $1 }' "$folder/flexpay.def" | sort -u)
for found in "$exported" "$listed"; do
    if [ "$declared" != "$found" ]; then
        diff <(echo "$declared") <(echo "$found") >&2 || true
        echo "$folder: exports other functions than the header declares (< header, > flexpay.dll or flexpay.def)" >&2
        exit 1
    fi
done
echo "flexpay.dll: exports the $(wc -l <<<"$exported") functions of the header; flexpay.def lists them"
