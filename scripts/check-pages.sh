#!/usr/bin/env bash
# Checks every page of the sandbox in Chromium, 1200 and 390 pixels wide: no page may scroll sideways, and
# axe-core must find no problem. Screenshots are saved in build/pages.
#
#   scripts/check-pages.sh
#
# SANDBOX_BIN   the built sandbox
set -euo pipefail
cd "$(dirname "$0")/.."
out=$PWD/build/pages
work=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$work"' EXIT
mkdir -p "$out"
[ -d "$out/node_modules/axe-core" ] ||
    npm install --silent --no-audit --no-fund --prefix "$out" playwright-core@1 axe-core@4

"$SANDBOX_BIN" serve --http 127.0.0.1:0 --https 127.0.0.1:0 --env-file "$work/env" >"$work/log" 2>&1 &
until [ -s "$work/env" ]; do sleep 0.05; done
# shellcheck source=/dev/null
. "$work/env"

# pay REFERENCE CALLBACK: prints the address of the card page.
pay() {
    curl --silent --fail-with-body -H 'Content-Type: application/json' "$FLEXPAY_PAY_URL" -d "{
        \"authorization\":\"$FLEXPAY_TOKEN\",\"merchant\":\"$FLEXPAY_MERCHANT\",\"reference\":\"$1\",
        \"amount\":\"25.50\",\"currency\":\"USD\",\"description\":\"Deux pagnes & une natte\",
        \"callback_url\":\"$2\",\"approve_url\":\"https://shop.example/ok\",
        \"cancel_url\":\"https://shop.example/cart\",\"decline_url\":\"https://shop.example/no\"}" |
        sed -n 's/.*"url":"\([^"]*\)".*/\1/p'
}

paid=$(pay PAGES-1 http://127.0.0.1:9/callback)
declined=$(pay PAGES-2 https://shop.example/callback)
cancelled=$(pay PAGES-3 https://shop.example/callback)
pending=$(pay PAGES-4 http://127.0.0.1:9/callback)
"$SANDBOX_BIN" customer approve "$paid" >/dev/null
"$SANDBOX_BIN" customer decline "$declined" >/dev/null
"$SANDBOX_BIN" customer cancel "$cancelled" >/dev/null
# Refused requests, so that the dashboard lists some.
pay PAGES-1 https://shop.example/callback
pay PAGES-5 ''
curl --silent "$FLEXPAY_CHECK_URL/1" >/dev/null
curl --silent -d 'merchant=ZANDO' "$FLEXPAY_PAY_URL" >/dev/null

NODE_PATH=$out/node_modules SCREENSHOTS=$out node scripts/check-pages.js \
    dashboard-en "$SANDBOX_URL/?lang=en" dashboard-fr "$SANDBOX_URL/?lang=fr" \
    control-en "$SANDBOX_URL/sandbox/api?lang=en" control-fr "$SANDBOX_URL/sandbox/api?lang=fr" \
    card "$pending" card-filled "$pending?carte=2" \
    paid "$paid" declined "$declined" cancelled "$cancelled" nowhere "$SANDBOX_URL/checkout/nowhere"
