#!/usr/bin/env bash
# Checks the program flexpay: stripped, it has at most 4.5 MiB (on x86-64). SQLite takes nearly 1 MiB of them.
#
#   scripts/check-program.sh PROGRAM
set -euo pipefail
program=$1

stripped=$(mktemp)
trap 'rm -f "$stripped"' EXIT
strip -o "$stripped" "$program"
size=$(stat -c %s "$stripped")
# The same code takes more bytes on other processors.
if [ "$(uname -m)" = x86_64 ] && [ "$size" -gt $((4608 * 1024)) ]; then
    echo "$program: has $size bytes when stripped, more than 4.5 MiB" >&2
    exit 1
fi
echo "program: $size bytes stripped"
