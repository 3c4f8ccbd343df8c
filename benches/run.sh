#!/usr/bin/env bash
#
# run.sh [--quick] [--list] [ROW...]: measures flexpay and the libraries a merchant would otherwise use
# (the baselines), and prints a table of ratios.
#
# FLEXPAY_LIB_DIR  the folder of libflexpay.so   (build/lib)
# FLEXPAY_PROGRAM  the program flexpay            (build/bin/flexpay)
# BENCH_DIR        the folder for the baselines  (build/bench)
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
lib=$(cd "${FLEXPAY_LIB_DIR:-$root/build/lib}" && pwd)
program=${FLEXPAY_PROGRAM:-$root/build/bin/flexpay}
# Settings and proxies of the caller's environment must not apply here.
unset "${!FLEXPAY_@}" http_proxy https_proxy HTTP_PROXY HTTPS_PROXY all_proxy ALL_PROXY
export FLEXPAY_LIB_DIR=$lib FLEXPAY_PROGRAM=$program BENCH_DIR=${BENCH_DIR:-$root/build/bench}

"$root/benches/side_by_side/baselines.sh" "$BENCH_DIR"
exec python3 "$root/benches/side_by_side/table.py" "$@"
