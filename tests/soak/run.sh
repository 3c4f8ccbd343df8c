#!/usr/bin/env bash
#
# run.sh [CHECKS [--move]]: so many checks (200,000) from PHP-FPM, while the gateway restarts and closes
# idle connections. With --move it changes its address, too: as root, which gives PHP-FPM an /etc/hosts
# of its own.
#
# FLEXPAY_LIB_DIR  where libflexpay.so is  (build/lib)
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
lib=$(cd "${FLEXPAY_LIB_DIR:-$root/build/lib}" && pwd)
checks=${1:-200000}
[ $# -eq 0 ] || shift
exec python3 "$root/tests/soak/soak.py" "$checks" "$lib/libflexpay.so" "$@"
