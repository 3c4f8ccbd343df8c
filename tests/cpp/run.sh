#!/bin/sh
# The tests of flexpay.hpp, with each compiler: built with all warnings as errors, run as they are and
# under the address and undefined-behaviour sanitizers, against one sandbox.
#
#   CXX                    the compilers, each one word (g++ and clang++); each must be there
#   FLEXPAY_LIB_DIR        where libflexpay.so is (build/lib)
#   SANDBOX_BIN            the sandbox (target/debug/flexpay-sandbox)
#   CALLS, NETWORK_CALLS   how often memory.cpp calls each function
#
# Ends with a line "N passed, M failed".

set -u
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
work=$(mktemp -d) || exit 1
# shellcheck source=SCRIPTDIR/../conformance/sandbox.sh
. "$root/tests/conformance/sandbox.sh"
trap 'stop_sandbox; rm -rf "$work"' EXIT
trap 'exit 1' INT TERM HUP

FLEXPAY_LIB_DIR=${FLEXPAY_LIB_DIR:-$root/build/lib}
LD_LIBRARY_PATH=$FLEXPAY_LIB_DIR${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export LD_LIBRARY_PATH
PYTHON=${PYTHON:-python3}
passed=0
failed=0

# Runs a program that ends with its own line of counts, and adds them to ours. One that ends otherwise
# or whose exit status disagrees is a failure.
counted() {
    "$@" >"$work/out" 2>&1
    status=$?
    cat "$work/out"
    line=$(tail -n 1 "$work/out" | grep -E '^[0-9]+ passed, [0-9]+ failed$')
    more_passed=${line%% *}
    more_failed=${line##*, }
    more_failed=${more_failed%% *}
    if [ -z "$line" ] || { [ "$status" -ne 0 ] && [ "$more_failed" -eq 0 ]; }; then
        echo "FAILED: $1 ended with status $status"
        more_failed=$((${more_failed:-0} + 1))
    fi
    passed=$((passed + ${more_passed:-0}))
    failed=$((failed + more_failed))
}

# Runs what passes or fails as a whole, and says what it was.
once() {
    name=$1
    shift
    if "$@" >"$work/out" 2>&1; then
        passed=$((passed + 1))
    else
        cat "$work/out"
        echo "FAILED: $name"
        failed=$((failed + 1))
        return 1
    fi
}

# build OUTPUT SOURCE... [OPTION...]
build() {
    output=$1
    shift
    once "$compiler -o $output" "$compiler" -std=c++17 -g -O1 -Wall -Wextra -Wpedantic -Werror \
        -I"$root/include" -I"$here" -o "$work/$output" "$@" -L"$FLEXPAY_LIB_DIR" -lflexpay -pthread
}

# The till takes a payment that a customer approves on the card page.
till_is_paid() {
    "$work/till" "TILL-$tried" 25.50 USD >"$work/till.out" 2>&1 &
    till_pid=$!
    until address=$(sed -n 's/^Send the customer to //p' "$work/till.out") && [ -n "$address" ]; do
        kill -0 "$till_pid" 2>/dev/null || { cat "$work/till.out"; return 1; }
        sleep 0.1
    done
    "$SANDBOX_BIN" customer approve "$address" || { kill "$till_pid"; return 1; }
    wait "$till_pid"
    till_status=$?
    cat "$work/till.out"
    [ "$till_status" -eq 0 ] && grep -q '^PAID 25.50 USD ' "$work/till.out"
}

conforms() {
    "$work/conformance" "$VECTORS" "$SANDBOX_URL" >"$work/cxx.jsonl" &&
        "$PYTHON" "$root/tests/conformance/compare.py" "$VECTORS" "cxx=$work/cxx.jsonl"
}

test_with() {
    compiler=$1
    echo "== $("$compiler" --version | head -n 1)"
    once "$compiler -std=c++20" "$compiler" -std=c++20 -Wall -Wextra -Wpedantic -Werror \
        -I"$root/include" -fsyntax-only "$here/layout.cpp"
    build tests "$here/one.cpp" "$here/two.cpp" "$here/layout.cpp" && counted "$work/tests"
    build handshake "$here/handshake.cpp" && counted "$work/handshake"
    echo "-- under the sanitizers"
    build sanitized "$here/one.cpp" "$here/two.cpp" -fsanitize=address,undefined \
        -fno-sanitize-recover=all && counted "$work/sanitized"
    echo "-- conformance"
    build conformance "$here/conformance.cpp" && counted conforms
    echo "-- the examples"
    build till "$root/examples/cpp/till.cpp" && once "the till is paid" till_is_paid
    if [ "$tried" -eq 0 ]; then
        # Once is enough: what memory the library keeps does not hang on this compiler, and what the
        # header leaks is found above.
        # shellcheck disable=SC2046  # several options
        build callback_server "$root/examples/cpp/callback_server.cpp" $(pkg-config --cflags --libs cpp-httplib sqlite3) &&
            once "the callback server" "$PYTHON" "$here/callback_server.py" "$work/callback_server"
        echo "-- memory"
        build memory "$here/memory.cpp" -O2 && counted "$work/memory"
    fi
}

if start_sandbox_with_forgeries; then
    tried=0
    for compiler in ${CXX:-g++ clang++}; do
        if command -v "$compiler" >/dev/null; then
            test_with "$compiler"
            tried=$((tried + 1))
        else
            echo "FAILED: $compiler is not there"
            failed=$((failed + 1))
        fi
    done
    if [ "$tried" -eq 0 ]; then
        echo "FAILED: no C++ compiler was found"
        failed=$((failed + 1))
    fi
else
    failed=$((failed + 1))
fi

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
