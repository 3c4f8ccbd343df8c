#!/usr/bin/env bash
# The fault run: faults/run.sh [RUNS [OPTIONS]], 10,000 runs by default. It calls the library in
# FLEXPAY_LIB_DIR (default build/lib) and prints the seed that repeats the run. Its output is also
# written to build/faults/<seed>.log, which is deleted when nothing was wrong. --log PATH names another
# log file, which is always kept. With --bridge, the calls go to bridges of the program FLEXPAY_PROGRAM
# (default build/bin/flexpay), and some of these are killed.
set -euo pipefail

here=$(cd "$(dirname "$0")/.." && pwd)
runs=${1:-10000}
[ $# -eq 0 ] || shift

: "${CARGO_TARGET_DIR:=$here/target}"
: "${FLEXPAY_LIB_DIR:=$here/build/lib}"
: "${FLEXPAY_FAULTS_LOGS:=$here/build/faults}"
: "${FLEXPAY_PROGRAM:=$here/build/bin/flexpay}"
export CARGO_TARGET_DIR FLEXPAY_LIB_DIR FLEXPAY_PROGRAM FLEXPAY_FAULTS_LOGS
FLEXPAY_FAULTS_LOOKUP=$CARGO_TARGET_DIR/blocked_lookup.so
export FLEXPAY_FAULTS_LOOKUP

case " $* " in
*" --bridge "*) needed=$FLEXPAY_PROGRAM target=cli ;;
*) needed=$FLEXPAY_LIB_DIR/libflexpay.so target=build ;;
esac
[ -e "$needed" ] || {
    echo "no $needed: make $target" >&2
    exit 2
}

${CARGO:-cargo} build --quiet --manifest-path "$here/Cargo.toml" -p flexpay-faults
${CC:-cc} -std=c11 -Wall -Wextra -Werror -O2 -shared -fPIC "$here/faults/blocked_lookup.c" \
    -o "$FLEXPAY_FAULTS_LOOKUP" -ldl
# The runs open many connections at once.
ulimit -n "$(ulimit -Hn)" 2>/dev/null || true

exec "$CARGO_TARGET_DIR/debug/flexpay-faults" --runs "$runs" "$@"
