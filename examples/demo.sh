#!/usr/bin/env bash
#
# demo.sh: a till, a customer and a gateway, all on this machine; no money moves.
#
# Three sales (paid, declined, cancelled), the callbacks the gateway posts about them, and two
# forged ones. Fails when any of them does not end as it should.
#
# FLEXPAY_BIN_DIR  where till and callback are   (build/examples)
# SANDBOX_BIN      the local gateway             (target/debug/flexpay-sandbox)

set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
bin=${FLEXPAY_BIN_DIR:-$root/build/examples}
sandbox=${SANDBOX_BIN:-$root/target/debug/flexpay-sandbox}

for program in "$bin/till" "$bin/callback" "$sandbox"; do
    if [ ! -x "$program" ]; then
        echo "demo: $program is missing; build it first" >&2
        exit 1
    fi
done

work=$(mktemp -d)
gateway='' till=''
end() {
    local pid
    for pid in $till $gateway; do
        kill "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    rm -rf "$work"
}
trap end EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

if [ -t 1 ]; then bold=$'\e[1m' dim=$'\e[2m' plain=$'\e[0m'; else bold='' dim='' plain=''; fi
heading() { printf '\n%s== %s ==%s\n\n' "$bold" "$*" "$plain"; }
say() { printf '%s\n' "$@"; }
# What a program printed, set off from what this script says.
quote() { sed -e "s/^/    ${dim}/" -e "s/\$/${plain}/"; }
fail() {
    printf 'demo: %s\n' "$*" >&2
    exit 1
}

# Runs the rest of its arguments; the exit status must be the first.
expect_status() {
    local expected=$1 status=0
    shift
    "$@" || status=$?
    [ "$status" -eq "$expected" ] || fail "exit status $status instead of $expected: $*"
}

# until_written FILE LOG: waits until there is something in FILE, for ten seconds at most; shows LOG
# when nothing came.
until_written() {
    local tries
    for ((tries = 0; tries < 200; tries++)); do
        [ -s "$1" ] && return
        sleep 0.05
    done
    quote <"$2"
    fail "nothing came into $1"
}

# sale NAME ACT AMOUNT STATUS: the till takes a payment, the customer acts on the card page, the
# till must exit with STATUS. Leaves the order number in order_NAME.
sale() {
    local name=$1 act=$2 amount=$3 status=$4
    "$bin/till" --address-file "$work/$name.address" "$amount" USD "DEMO-$name-$$" \
        >"$work/$name.till" 2>&1 &
    till=$!
    until_written "$work/$name.address" "$work/$name.till"
    say "The till shows:"
    head -n 4 "$work/$name.till" | quote
    say "" "The customer opens that address and acts:"
    "$sandbox" customer "$act" "$(cat "$work/$name.address")" | quote
    say "" "The till, after a moment:"
    expect_status "$status" wait "$till"
    till=''
    tail -n +6 "$work/$name.till" | quote
    say "(exit status $status)"
    callback_of "$name"
}

# The gateway posts a callback to the shop's address. The address is closed here, for there is no
# shop; the sandbox keeps what it posted.
callback_of() {
    local body=$work/$1.callback tries
    for ((tries = 0; tries < 200; tries++)); do
        "$sandbox" callbacks "$SANDBOX_URL" --body-only | grep -F "DEMO-$1-$$" >"$body" && return
        sleep 0.05
    done
    fail "no callback about $1 was posted"
}

# Reads one field of a callback as the sandbox writes it.
field() { sed -n "s/.*\"$2\":\"\([^\"]*\)\".*/\1/p" "$work/$1.callback"; }

# verify STATUS FILE REFERENCE AMOUNT CURRENCY [ORDER [STATE]]
verify() {
    local status=$1 file=$2
    shift 2
    say "Posted to the shop:"
    quote <"$file"
    say "" "callback $*"
    expect_status "$status" "$bin/callback" "$@" <"$file" >"$work/verdict"
    quote <"$work/verdict"
    say "(exit status $status)"
}

"$sandbox" serve --http 127.0.0.1:0 --https 127.0.0.1:0 --env-file "$work/gateway.env" \
    >"$work/gateway.log" 2>&1 &
gateway=$!
until_written "$work/gateway.env" "$work/gateway.log"
# No setting of another gateway may come in between.
unset "${!FLEXPAY_@}" QUERY_STRING
set -a
# shellcheck source=/dev/null
. "$work/gateway.env"
set +a
export FLEXPAY_TILL_WAIT_S=30
export FLEXPAY_TILL_GRACE_S=2 # 30 in earnest
export FLEXPAY_TILL_CALLBACK_URL=http://127.0.0.1:9/flexpay/callback

heading "The gateway"
say "A FlexPay gateway runs on this machine at $SANDBOX_URL. No money moves."

heading "1. The customer pays"
sale paid approve 25.50 0

heading "2. The card is declined"
say "A live gateway may say \"failed\" too early, so the till believes it only after a while" \
    "(here $FLEXPAY_TILL_GRACE_S seconds)." ""
sale declined decline 25.50 1

heading "3. The customer cancels"
sale cancelled cancel 12 1

heading "4. The callback, verified"
say "The gateway also tells the shop. Anyone could have posted that, so it is held against the" \
    "gateway's own word and the shop's records." ""
verify 0 "$work/paid.callback" "DEMO-paid-$$" 25.50 USD "$(field paid orderNumber)" PENDING
grep -q 'Record PAID' "$work/verdict" || fail "PAID is not to be recorded"
say "" "It is posted a second time, as happens:"
verify 3 "$work/paid.callback" "DEMO-paid-$$" 25.50 USD "$(field paid orderNumber)" PAID
grep -q 'Deliver' "$work/verdict" && fail "it is to be delivered twice"

heading "5. A forged callback: \"paid\", for the order that was declined"
sed 's/"code":"1"/"code":"0"/' "$work/declined.callback" >"$work/forged.callback"
cmp -s "$work/declined.callback" "$work/forged.callback" && fail "nothing was forged"
verify 1 "$work/forged.callback" "DEMO-declined-$$" 25.50 USD "$(field declined orderNumber)" PENDING
grep -q 'Record FAILED' "$work/verdict" || fail "FAILED is not to be recorded"

heading "6. A replay: a small order that was paid, posted for a dear one"
say "The shop expects 900.00 for DEMO-dear-$$. Somebody paid 25.50 once, and posts that again" \
    "under the dear reference." ""
sed "s/DEMO-paid-$$/DEMO-dear-$$/" "$work/paid.callback" >"$work/replayed.callback"
cmp -s "$work/paid.callback" "$work/replayed.callback" && fail "nothing was replayed"
verify 1 "$work/replayed.callback" "DEMO-dear-$$" 900.00 USD

heading "Done"
say "One paid, one declined, one cancelled; one callback believed, two refused."
