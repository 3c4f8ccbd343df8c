#!/usr/bin/env bash
#
# run.sh [--quick] [--list] [ROW...]: flexpay beside what a merchant would otherwise use, as a table
# of ratios.
#
# FLEXPAY_LIB_DIR  where libflexpay.so is  (build/lib)
# BENCH_DIR        where the contenders go (build/bench)
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
lib=$(cd "${FLEXPAY_LIB_DIR:-$root/build/lib}" && pwd)
# No setting of another gateway may come in between, and no proxy.
unset "${!FLEXPAY_@}" http_proxy https_proxy HTTP_PROXY HTTPS_PROXY all_proxy ALL_PROXY
export FLEXPAY_LIB_DIR=$lib BENCH_DIR=${BENCH_DIR:-$root/build/bench}

"$root/benches/side_by_side/contenders.sh" "$BENCH_DIR"
exec python3 "$root/benches/side_by_side/table.py" "$@"
