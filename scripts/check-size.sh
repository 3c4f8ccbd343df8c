#!/usr/bin/env bash
# Checks the size of a library or a program: how many KiB it has when it is stripped, on x86-64. (The same code
# takes more bytes on other processors.)
#
#   scripts/check-size.sh FILE MOST
set -euo pipefail
file=$1
most=$2

stripped=$(mktemp)
trap 'rm -f "$stripped"' EXIT
strip -o "$stripped" "$file"
size=$(stat -c %s "$stripped")
echo "$file: $size bytes stripped"
if [ "$(uname -m)" = x86_64 ] && [ "$size" -gt $((most * 1024)) ]; then
    echo "$file: has more than $most KiB" >&2
    exit 1
fi
