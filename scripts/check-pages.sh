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

# mobile URL PHONE REFERENCE AMOUNT CURRENCY: sends a collection or a payout.
mobile() {
    curl --silent --fail-with-body -H 'Content-Type: application/json' \
        -H "Authorization: Bearer $FLEXPAY_TOKEN" "$1" -d "{\"merchant\":\"$FLEXPAY_MERCHANT\",
        \"type\":\"1\",\"phone\":\"$2\",\"reference\":\"$3\",\"amount\":\"$4\",\"currency\":\"$5\",
        \"description\":\"Deux pagnes & une natte\",\"callbackUrl\":\"https://shop.example/callback\"}" >/dev/null
}

# decide REFERENCE DECISION: decides a payment.
decide() {
    order=$(curl --silent "$SANDBOX_URL/sandbox/api/payments" |
        sed -n "s/.*\"order_number\":\"\([^\"]*\)\"[^}]*\"reference\":\"$1\".*/\1/p")
    curl --silent --fail-with-body -H 'Content-Type: application/json' \
        "$SANDBOX_URL/sandbox/api/payments/$order/decide" -d "{\"decision\":\"$2\"}" >/dev/null
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

# Each operator has a phone. M-Pesa: two pushes. Orange: every kind of message. Airtel: empty.
mpesa=243812345678 orange=243842345678 airtel=243972345678
mobile "$FLEXPAY_MOBILE_URL" $orange PAGES-M1 25000 CDF
decide PAGES-M1 approve
mobile "$FLEXPAY_PAYOUT_URL" $orange PAGES-P1 12.5 USD
mobile "$FLEXPAY_MOBILE_URL" $orange PAGES-M2 1250000 CDF
decide PAGES-M2 decline
mobile "$FLEXPAY_MOBILE_URL" $orange PAGES-M3 7.25 USD
decide PAGES-M3 expire
mobile "$FLEXPAY_MOBILE_URL" $mpesa PAGES-M4 12.5 USD
mobile "$FLEXPAY_MOBILE_URL" $mpesa PAGES-COMMANDE-N-0000000000000000000000000000000000005 25000 CDF
mobile "$FLEXPAY_PAYOUT_URL" 243900000007 PAGES-P2 50000 CDF
mobile "$FLEXPAY_PAYOUT_URL" 243900000004 PAGES-P3 50000 CDF
mobile "$FLEXPAY_PAYOUT_URL" 243902345678 PAGES-P4 900000000 CDF
mobile "$FLEXPAY_MOBILE_URL" 0812345678 PAGES-M6 100 CDF

NODE_PATH=$out/node_modules SCREENSHOTS=$out node scripts/check-pages.js \
    dashboard-en "$SANDBOX_URL/?lang=en" dashboard-fr "$SANDBOX_URL/?lang=fr" \
    control-en "$SANDBOX_URL/sandbox/api?lang=en" control-fr "$SANDBOX_URL/sandbox/api?lang=fr" \
    card "$pending" card-filled "$pending?carte=2" \
    phone-fr "$SANDBOX_URL/phone/$mpesa" phone-en "$SANDBOX_URL/phone/$mpesa?lang=en" \
    phone-messages "$SANDBOX_URL/phone/$orange" phone-empty "$SANDBOX_URL/phone/$airtel" \
    phone-unknown "$SANDBOX_URL/phone/0" \
    paid "$paid" declined "$declined" cancelled "$cancelled" nowhere "$SANDBOX_URL/checkout/nowhere"
