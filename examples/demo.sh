#!/usr/bin/env bash
#
# demo.sh: a till, a customer and a gateway, all on this machine; no money moves.
#
# Three sales by card (paid, declined, cancelled), one by mobile money, and a payout; the gateway's callbacks
# about them, and two forged callbacks. Then a sale during which the till loses power. Fails if any of them
# does not have the expected result.
#
# FLEXPAY_BIN_DIR  the folder of till, callback and payout   (build/examples)
# SANDBOX_BIN      the local gateway                 (target/debug/flexpay-sandbox)

set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
bin=${FLEXPAY_BIN_DIR:-$root/build/examples}
sandbox=${SANDBOX_BIN:-$root/target/debug/flexpay-sandbox}

for program in "$bin/till" "$bin/callback" "$bin/payout" "$sandbox"; do
    if [ ! -x "$program" ]; then
        echo "demo: $program is missing; build it first" >&2
        exit 1
    fi
done

work=$(mktemp -d)
gateway='' till=''
clean_up() {
    local pid
    for pid in $till $gateway; do
        kill "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

if [ -t 1 ]; then bold=$'\e[1m' dim=$'\e[2m' plain=$'\e[0m'; else bold='' dim='' plain=''; fi
heading() { printf '\n%s== %s ==%s\n\n' "$bold" "$*" "$plain"; }
say() { printf '%s\n' "$@"; }
# Indents and dims the output of a program.
quote() { sed -e "s/^/    ${dim}/" -e "s/\$/${plain}/"; }
fail() {
    printf 'demo: %s\n' "$*" >&2
    exit 1
}

# expect_status STATUS COMMAND…: the exit status of the command must be STATUS.
expect_status() {
    local expected=$1 status=0
    shift
    "$@" || status=$?
    [ "$status" -eq "$expected" ] || fail "exit status $status instead of $expected: $*"
}

# wait_for_file FILE LOG: waits until FILE is not empty, for ten seconds at most; then shows LOG and fails.
wait_for_file() {
    local tries
    for ((tries = 0; tries < 200; tries++)); do
        [ -s "$1" ] && return
        sleep 0.05
    done
    quote <"$2"
    fail "$1 is still empty"
}

# sale NAME ACTION AMOUNT STATUS: the till takes a payment by card, the customer does ACTION on the card page, the
# till must exit with STATUS. Saves the callback in NAME.callback.
sale() {
    local name=$1 action=$2 amount=$3 status=$4
    "$bin/till" --address-file "$work/$name.address" "$amount" USD "DEMO-$name-$$" \
        >"$work/$name.till" 2>&1 &
    till=$!
    wait_for_file "$work/$name.address" "$work/$name.till"
    say "The till shows:"
    head -n 4 "$work/$name.till" | quote
    say "" "The customer opens that address ($action):"
    "$sandbox" customer "$action" "$(cat "$work/$name.address")" | quote
    say "" "The till, after a moment:"
    expect_status "$status" wait "$till"
    till=''
    tail -n +6 "$work/$name.till" | quote
    say "(exit status $status)"
    save_callback "$name"
}

# sale_by_phone NAME ACTION PHONE AMOUNT CURRENCY STATUS: the same by mobile money, with ACTION on the phone.
sale_by_phone() {
    local name=$1 action=$2 phone=$3 amount=$4 currency=$5 status=$6
    "$bin/till" --mobile "$phone" "$amount" "$currency" "DEMO-$name-$$" >"$work/$name.till" 2>&1 &
    till=$!
    "$sandbox" customer "$action" "$SANDBOX_URL" --reference "DEMO-$name-$$" --wait 10 >"$work/$name.customer" ||
        { quote <"$work/$name.till"; fail "the customer received nothing"; }
    expect_status "$status" wait "$till"
    till=''
    say "The till shows:"
    head -n 4 "$work/$name.till" | quote
    say "" "The customer reads the message on the phone ($action):"
    quote <"$work/$name.customer"
    say "" "The till, after a moment:"
    tail -n +6 "$work/$name.till" | quote
    say "(exit status $status)"
    save_callback "$name"
}

# pay_out STATUS ARGUMENT…: the program payout must exit with STATUS.
pay_out() {
    local status=$1
    shift
    say "payout $*"
    expect_status "$status" "$bin/payout" "$@" >"$work/payout" 2>&1
    quote <"$work/payout"
    say "(exit status $status)"
}

# The gateway posts a callback to the shop's address. Here no shop listens on it, but the sandbox keeps
# the callback.
save_callback() {
    local body=$work/$1.callback tries
    for ((tries = 0; tries < 200; tries++)); do
        "$sandbox" callbacks "$SANDBOX_URL" --body-only | grep -F "DEMO-$1-$$" >"$body" && return
        sleep 0.05
    done
    fail "no callback about $1 was sent"
}

# api METHOD PATH [BODY]: a request to the control API of the sandbox. Prints the response.
api() {
    local address=${SANDBOX_URL#http://} body=${3:-}
    exec 3<>"/dev/tcp/${address%:*}/${address##*:}"
    printf '%s /sandbox/api/%s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\nContent-Type: application/json\r\n' \
        "$1" "$2" "$address" >&3
    printf 'Content-Length: %d\r\n\r\n%s' "${#body}" "$body" >&3
    cat <&3
    exec 3>&-
}

# start_till STATUS ARGUMENT…: the till must exit with STATUS.
start_till() {
    local status=$1
    shift
    say "till $*"
    expect_status "$status" "$bin/till" "$@" >"$work/till" 2>&1
    quote <"$work/till"
    say "(exit status $status)"
}

# field NAME FIELD: prints a field of a saved callback.
field() { sed -n "s/.*\"$2\":\"\([^\"]*\)\".*/\1/p" "$work/$1.callback"; }

# verify STATUS FILE REFERENCE AMOUNT CURRENCY [ORDER [STATE]]: the program `callback` must exit with STATUS.
verify() {
    local status=$1 file=$2
    shift 2
    say "Posted to the shop:"
    quote <"$file"
    say "" "callback${*:+ $*}"
    expect_status "$status" "$bin/callback" "$@" <"$file" >"$work/verdict"
    quote <"$work/verdict"
    say "(exit status $status)"
}

"$sandbox" serve --http 127.0.0.1:0 --https 127.0.0.1:0 --env-file "$work/gateway.env" \
    >"$work/gateway.log" 2>&1 &
gateway=$!
wait_for_file "$work/gateway.env" "$work/gateway.log"
# Remove the settings of any other gateway.
unset "${!FLEXPAY_@}" QUERY_STRING
set -a
# shellcheck source=/dev/null
. "$work/gateway.env"
set +a
export FLEXPAY_TILL_WAIT_S=30
export FLEXPAY_TILL_GRACE_S=2 # 30 by default
export FLEXPAY_TILL_CALLBACK_URL=http://127.0.0.1:9/flexpay/callback
export FLEXPAY_PAYOUT_CALLBACK_URL=$FLEXPAY_TILL_CALLBACK_URL
export FLEXPAY_JOURNAL=$work/flexpay.db

heading "The gateway"
say "A FlexPay gateway runs on this machine at $SANDBOX_URL. No money moves."

heading "1. The customer pays"
sale paid approve 25.50 0

heading "2. The card is declined"
say "The live gateway may report \"failed\" too early, so the till accepts it only after a while" \
    "(here $FLEXPAY_TILL_GRACE_S seconds)." ""
sale declined decline 25.50 1

heading "3. The customer cancels"
sale cancelled cancel 12 1

heading "4. The callback, verified"
say "The gateway also sends a callback to the shop. Anyone could post one, so the shop sends a check to" \
    "the gateway, and compares the reply with its own records." ""
verify 0 "$work/paid.callback" "DEMO-paid-$$" 25.50 USD "$(field paid orderNumber)" PENDING
grep -q 'Record PAID' "$work/verdict" || fail "the program does not print \"Record PAID\""
say "" "The same callback arrives a second time, which happens:"
verify 3 "$work/paid.callback" "DEMO-paid-$$" 25.50 USD "$(field paid orderNumber)" PAID
grep -q 'Deliver' "$work/verdict" && fail "the goods would be delivered twice"

heading "5. A forged callback: \"paid\" for the declined order"
sed 's/"code":"1"/"code":"0"/' "$work/declined.callback" >"$work/forged.callback"
cmp -s "$work/declined.callback" "$work/forged.callback" && fail "the forged callback is the same as the real one"
verify 1 "$work/forged.callback" "DEMO-declined-$$" 25.50 USD "$(field declined orderNumber)" PENDING
grep -q 'Record FAILED' "$work/verdict" || fail "the program does not print \"Record FAILED\""

heading "6. A replay: the callback of a cheap order, for an expensive one"
say "The shop expects 900.00 for DEMO-expensive-$$. An attacker paid 25.50 for another order, and posts" \
    "its callback with the reference of the expensive order." ""
sed "s/DEMO-paid-$$/DEMO-expensive-$$/" "$work/paid.callback" >"$work/replayed.callback"
cmp -s "$work/paid.callback" "$work/replayed.callback" && fail "the replayed callback is the same as the real one"
verify 1 "$work/replayed.callback" "DEMO-expensive-$$" 900.00 USD

heading "7. The customer pays by mobile money"
sale_by_phone mobile confirm "081 234 56 78" 57500 CDF 0
say "" "The callback, verified as one about a mobile payment:"
verify 0 "$work/mobile.callback" --kind mobile "DEMO-mobile-$$" 57500 CDF "$(field mobile orderNumber)" PENDING
grep -q 'Record PAID' "$work/verdict" || fail "the program does not print \"Record PAID\""
say "" "The same callback, given to the till's journal. The till has handed over the goods:"
verify 4 "$work/mobile.callback"

heading "8. A payout: the shop gives the money back"
say "The programs above cannot send money out. A client does so only with FLEXPAY_ALLOW_PAYOUT=1:" ""
pay_out 1 0812345678 57500 CDF "DEMO-refund-$$"
grep -q 'allow_payout' "$work/payout" || fail "the payout was not refused because of allow_payout"
say "" "With it:" ""
export FLEXPAY_ALLOW_PAYOUT=1
pay_out 0 0812345678 57500 CDF "DEMO-refund-$$"
say "" "The same command again, by mistake. The payout is in the journal, so it is not sent a second time:" ""
pay_out 0 0812345678 57500 CDF "DEMO-refund-$$"
grep -q 'Sent before' "$work/payout" || fail "the payout was sent twice"
unset FLEXPAY_ALLOW_PAYOUT
save_callback refund
say "" "The callback about the payout, verified as such:"
verify 0 "$work/refund.callback" --kind payout "DEMO-refund-$$" 57500 CDF "$(field refund orderNumber)" PENDING
say "" "And given to the journal. There is nothing to deliver for a payout:"
verify 3 "$work/refund.callback"

heading "9. The power fails at the worst moment"
say "The till sends the request, and the customer confirms on the phone. The gateway has the money, and its" \
    "reply is on the way. Now somebody pulls the plug of the till." ""
plug=DEMO-plug-$$
api POST faults '{"on":"mobile","action":{"kind":"delay","ms":60000}}' >"$work/response"
"$bin/till" --mobile "081 234 56 78" 23000 CDF "$plug" >"$work/plug.till" 2>&1 &
till=$!
"$sandbox" customer confirm "$SANDBOX_URL" --reference "$plug" --wait 10 >"$work/plug.customer" ||
    { quote <"$work/plug.till"; fail "the customer received nothing"; }
kill -KILL "$till"
wait "$till" 2>/dev/null || true
till=''
api DELETE faults >"$work/response"
say "The till showed:"
quote <"$work/plug.till"
say "" "The customer:"
quote <"$work/plug.customer"
say "" "The power comes back. The till finds the sale in its journal, and does not know what became of it:" ""
start_till 2 --reconcile
grep -q "IN DOUBT: $plug" "$work/till" || fail "the till has forgotten the sale"
say "" "The cashier tries the same sale again. Nothing is sent:" ""
start_till 2 --mobile "081 234 56 78" 23000 CDF "$plug"
grep -q 'IN_DOUBT' "$work/till" || fail "the sale was not refused"
say "" "The gateway's callback arrives, and the shop gives it to the journal:" ""
save_callback plug
verify 0 "$work/plug.callback"
grep -q "Deliver $plug now" "$work/verdict" || fail "the goods are not handed over"
say "" "The callback arrives a second time, the till is started again, and the cashier tries the sale again." \
    "Nothing is handed over twice:" ""
verify 4 "$work/plug.callback"
start_till 0 --reconcile
grep -q "goods" "$work/till" && fail "the goods are handed over twice"
start_till 3 --mobile "081 234 56 78" 23000 CDF "$plug"
grep -q "Hand over nothing" "$work/till" || fail "the goods are handed over twice"
charged=$(api GET payments | grep -oF "\"reference\":\"$plug\"" | wc -l)
say "" "The gateway has $charged payment with this reference."
[ "$charged" -eq 1 ] || fail "the customer was charged $charged times"

heading "Done"
say "Payments by card: one paid, one declined, one cancelled. By mobile money: two paid. Payouts: one." \
    "Callbacks: four accepted, two refused. After the power failure: charged once, handed over once."
