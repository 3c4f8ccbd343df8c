#!/usr/bin/env bash
#
# run.sh [CHECKS [--move]]: sends CHECKS checks (200,000) from PHP-FPM while the gateway restarts and
# closes idle connections. With --move the gateway also changes its address. This requires root, to give
# PHP-FPM its own /etc/hosts.
#
# FLEXPAY_LIB_DIR  directory of libflexpay.so  (build/lib)
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
lib=$(cd "${FLEXPAY_LIB_DIR:-$root/build/lib}" && pwd)
checks=${1:-200000}
[ $# -eq 0 ] || shift
exec python3 "$root/tests/soak/soak.py" "$checks" "$lib/libflexpay.so" "$@"
