#!/bin/sh
# Runs every vector in every language, against one sandbox, and compares the results.
#
#   RUST_RUNNER, C_RUNNER, CXX_RUNNER  the compiled runners
#   PHP, PYTHON                        the interpreters (php, python3)
#   FLEXPAY_LIB_DIR                    directory of libflexpay.so (build/lib)
#   FLEXPAY_LIBRARY                    the library for PHP and Python (the one in FLEXPAY_LIB_DIR)
#   FLEXPAY_PROGRAM                    the program for the bridge (build/bin/flexpay)
#   SANDBOX_BIN                        the sandbox (target/debug/flexpay-sandbox)
#   CONFORMANCE_LANGS                  the languages; each must run. "bridge" is the protocol of
#                                      `flexpay bridge`, "php-program" is PHP over it ("rust c cxx php
#                                      python bridge php-program")
#
# Ends with a line "N passed, M failed".

set -u
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
work=$(mktemp -d) || exit 1
# shellcheck source=SCRIPTDIR/sandbox.sh
. "$here/sandbox.sh"
trap 'stop_sandbox; rm -rf "$work"' EXIT
trap 'exit 1' INT TERM HUP

FLEXPAY_LIB_DIR=${FLEXPAY_LIB_DIR:-$root/build/lib}
FLEXPAY_LIBRARY=${FLEXPAY_LIBRARY:-$FLEXPAY_LIB_DIR/libflexpay.so}
FLEXPAY_PROGRAM=${FLEXPAY_PROGRAM:-$root/build/bin/flexpay}
LD_LIBRARY_PATH=$FLEXPAY_LIB_DIR${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export FLEXPAY_LIBRARY FLEXPAY_PROGRAM LD_LIBRARY_PATH
PYTHON=${PYTHON:-python3}

fail() {
    echo "$1"
    echo "0 passed, 1 failed"
    exit 1
}

# run LANGUAGE COMMAND...: runs one language's runner and adds its output to the files to compare. A
# runner that fails is reported and counts as one failure.
results=
failed_runners=0
run() {
    language=$1
    shift
    if "$@" "$VECTORS" "$SANDBOX_URL" >"$work/$language.jsonl" 2>"$work/$language.err"; then
        results="$results $language=$work/$language.jsonl"
    else
        echo "FAILED: the $language runner:"
        # PHP prints its errors on the standard output.
        tail -n 3 "$work/$language.jsonl"
        cat "$work/$language.err"
        failed_runners=$((failed_runners + 1))
    fi
}

start_sandbox_with_forgeries || fail "the sandbox is not available"
for language in ${CONFORMANCE_LANGS:-rust c cxx php python bridge php-program}; do
    case $language in
        rust) run rust "${RUST_RUNNER:-RUST_RUNNER-is-not-set}" ;;
        c) run c "${C_RUNNER:-C_RUNNER-is-not-set}" ;;
        cxx) run cxx "${CXX_RUNNER:-CXX_RUNNER-is-not-set}" ;;
        php) run php "${PHP:-php}" "$root/bindings/php/tests/conformance.php" ffi ;;
        php-program) run php-program "${PHP:-php}" "$root/bindings/php/tests/conformance.php" program ;;
        bridge) run bridge "$PYTHON" "$here/bridge.py" ;;
        python)
            PYTHONPATH=$root/bindings/python${PYTHONPATH:+:$PYTHONPATH} \
                run python "$PYTHON" "$root/bindings/python/tests/conformance.py"
            ;;
        *) fail "CONFORMANCE_LANGS has \"$language\", which is not one of rust, c, cxx, php, python, bridge, php-program" ;;
    esac
done
[ -n "$results" ] || fail "no runner ran"

# Each word of $results is one language and its file; mktemp's paths have no spaces.
# shellcheck disable=SC2086
"$PYTHON" "$here/compare.py" "$VECTORS" $results >"$work/comparison" 2>&1
sed '$d' "$work/comparison"
tail -n 1 "$work/comparison" | {
    read -r passed _ failed _
    failed=$((failed + failed_runners))
    echo "$passed passed, $failed failed"
    [ "$failed" -eq 0 ]
}
