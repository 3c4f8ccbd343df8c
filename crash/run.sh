#!/usr/bin/env bash
# The crash run: a payment with a journal is killed, its disk fails and its clock is wrong; afterwards the
# journal is compared with the gateway's own ledger. Then the same with planted faults, which must be found.
#
#   crash/run.sh short    a sample, about a minute and a half
#   crash/run.sh full     every system call, and every cut of the power; about an hour on two processors
#
# Each thing that is wrong is printed with the command that repeats it. Such a command needs
# FLEXPAY_CRASH_CLOCK as below only for clocks.
set -euo pipefail

here=$(cd "$(dirname "$0")/.." && pwd)
form=${1:-}
case $form in
short)
    sweep=(--every 80) failures=(--every 100) power=(--every 150) clocks=(--times 4)
    crowd=(--kills 30 --sales 100 --calls 10) first_use=(--rounds 3)
    ;;
full)
    sweep=() failures=() power=() clocks=() crowd=() first_use=()
    ;;
*)
    echo "usage: crash/run.sh short|full" >&2
    exit 2
    ;;
esac

: "${CARGO_TARGET_DIR:=$here/target}"
export CARGO_TARGET_DIR
FLEXPAY_CRASH_CLOCK=$(realpath "$CARGO_TARGET_DIR")/shifted_clock.so
export FLEXPAY_CRASH_CLOCK

${CARGO:-cargo} build --quiet --manifest-path "$here/Cargo.toml" -p flexpay-crash
${CC:-cc} -std=c11 -Wall -Wextra -Werror -O2 -shared -fPIC "$here/crash/shifted_clock.c" \
    -o "$FLEXPAY_CRASH_CLOCK" -ldl
program=$CARGO_TARGET_DIR/debug/flexpay-crash
jobs=(--jobs "$(nproc)")
failed=()

# run COMMAND [OPTION…]: nothing may be wrong.
run() {
    "$program" "$@" || failed+=("$*")
}

# must_find COMMAND [OPTION…]: something must be wrong. Exit status 2 would mean that it could not run.
must_find() {
    local output status=0
    output=$("$program" "$@" 2>&1) || status=$?
    if [ "$status" -eq 1 ]; then
        echo "  found: $*"
    else
        echo "$output" | tail -n 20
        failed+=("a planted fault was not found: $*")
    fi
}

# It mounts small file systems, and waits most of the time: at the same time as the others.
namespace=(unshare --mount)
[ "$(id -u)" -eq 0 ] || namespace+=(--user --map-root-user)
trouble=$(mktemp)
trap 'rm -f "$trouble"' EXIT
"${namespace[@]}" "$program" trouble >"$trouble" 2>&1 &

run sweep "${sweep[@]}" "${jobs[@]}"
run failures "${failures[@]}" "${jobs[@]}"
run power "${power[@]}" "${jobs[@]}"
run crowd "${crowd[@]}" --wrong-clocks
run first-use "${first_use[@]}"
run clocks "${clocks[@]}"
wait $! || failed+=(trouble)
cat "$trouble"

printf '\nPlanted faults\n'
paying=(--only pay-card/closed/pay-again)
must_find sweep --until-wrong --every 20 "${paying[@]}" --mutant ignores-journal
must_find sweep --until-wrong --every 3 "${paying[@]}" --mutant sends-first
must_find sweep --until-wrong --every 3 "${paying[@]}" --mutant forgets-doubt
must_find sweep --until-wrong --every 20 "${paying[@]}" --mutant starts-anew
must_find sweep --until-wrong --every 20 --only false-notice/closed/reconcile --mutant believes-notice
must_find sweep --until-wrong --every 3 --only settle/closed/reconcile --mutant reports-first
must_find sweep --until-wrong --every 3 --only deliver/closed/reconcile --mutant delivers-first
# As with synchronous=OFF.
must_find power --every 3 "${paying[@]}" --lying-disk

for one in "${failed[@]}"; do
    echo "FAILED: $one"
done
[ ${#failed[@]} -eq 0 ]
