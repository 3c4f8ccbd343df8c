#!/usr/bin/env bash
# Compiles the C program of the README as it stands there, and takes a payment with it.
#
#   scripts/readme.sh          (FLEXPAY_LIB_DIR, SANDBOX_BIN)
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$work"' EXIT

awk '/^```c$/ { inside = 1; next } /^```$/ { inside = 0 } inside' README.md >"$work/shop.c"
[ -s "$work/shop.c" ] || { echo "the README has no C program" >&2; exit 1; }
"${CC:-cc}" -std=c99 -pedantic -Wall -Wextra -Werror -Iinclude "$work/shop.c" -o "$work/shop" \
    -L"$FLEXPAY_LIB_DIR" -Wl,-rpath,"$FLEXPAY_LIB_DIR" -lflexpay

"$SANDBOX_BIN" serve --http 127.0.0.1:0 --https 127.0.0.1:0 --env-file "$work/env" >/dev/null 2>&1 &
until [ -s "$work/env" ]; do sleep 0.05; done
set -a
# shellcheck source=/dev/null
. "$work/env"
set +a
unset FLEXPAY_API # the form needs no addresses; /v1.1/pay does
FLEXPAY_PAY_URL=$SANDBOX_URL/v1/pay "$work/shop" README-1 >"$work/out"
"$SANDBOX_BIN" customer approve "$(cat "$work/out")" >/dev/null
echo "readme: the program of the README took a payment"
