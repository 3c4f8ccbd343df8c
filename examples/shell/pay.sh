#!/bin/sh
# Takes a payment by card, or by phone if you give a phone number, and waits for the customer.
#
#     pay.sh REFERENCE AMOUNT CURRENCY [PHONE]
#
# Exit status: that of the program flexpay (`flexpay --help` lists them). 0 means PAID, and nothing else
# does. 9 means UNKNOWN: the customer may have paid, or may still pay.
#
# Environment: FLEXPAY_PROGRAM is the path of the program flexpay, unless it is on the PATH. The program
# itself reads FLEXPAY_MERCHANT, FLEXPAY_TOKEN and FLEXPAY_API=v1.1. WAIT_OPTIONS are options of
# `flexpay wait`, such as "--timeout 120".

flexpay=${FLEXPAY_PROGRAM:-flexpay} shop=https://shop.example
unknown() { echo "UNKNOWN: the customer may have paid. Do not request this payment again: $1 first."; exit 9; }

echo "Requesting $2 $3, reference $1 ..." # before anything is sent
# The other fields, such as the address for the customer, and errors are printed on stderr.
order=$("$flexpay" "pay${4:+-mobile}" --field order_number --reference "$1" --amount "$2" --currency "$3" \
    ${4:+--phone "$4"} --callback-url $shop/callback --approve-url $shop/thanks --cancel-url $shop/cart \
    --decline-url $shop/declined)
status=$?
case $status in 2 | 3 | 4 | 5 | 126 | 127) exit $status ;; esac # not sent, or refused
[ -n "$order" ] || unknown "look for $1 in FlexPay's merchant console"

# shellcheck disable=SC2086 # WAIT_OPTIONS are several words
"$flexpay" wait "$order" --reference "$1" --amount "$2" --currency "$3" ${4:+--kind mobile} $WAIT_OPTIONS
status=$?
case $status in 0 | 12 | 14 | 15 | 16) exit $status ;; esac # the state is final, and printed
unknown "check the order $order"
