#!/bin/sh
# The tests of flexpay.hpp, with each compiler. They are built with all warnings as errors and run twice
# against one sandbox: without and with the address and undefined-behaviour sanitizers.
#
#   CXX                    the compilers, each one word (g++ clang++); each must be installed
#   FLEXPAY_LIB_DIR        directory of libflexpay.so (build/lib)
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

# Runs a program whose last line is "N passed, M failed", and adds these counts to the totals. A program
# without this line, or whose exit status does not match it, is a failure.
run_counted() {
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

# run_single NAME COMMAND...: a command that counts as one test. Prints its output if it fails.
run_single() {
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
    run_single "$compiler -o $output" "$compiler" -std=c++17 -g -O1 -Wall -Wextra -Wpedantic -Werror \
        -I"$root/include" -I"$here" -o "$work/$output" "$@" -L"$FLEXPAY_LIB_DIR" -lflexpay -pthread
}

# run_till REFERENCE AMOUNT CURRENCY [PHONE]: the till example, with a journal. It replaces the
# shell, so call it in a subshell; after &, the till is $!.
run_till() {
    exec env FLEXPAY_JOURNAL="$work/till.db" "$work/till" "$@"
}

# Starts the till for a sale by card, and waits for the address of the card page.
start_till() {
    run_till "$@" >"$work/till.out" 2>&1 &
    till_pid=$!
    until address=$(sed -n 's/^Send the customer to //p' "$work/till.out") && [ -n "$address" ]; do
        kill -0 "$till_pid" 2>/dev/null || { cat "$work/till.out"; return 1; }
        sleep 0.1
    done
}

# The till example requests a payment, and a customer approves it on the card page.
till_is_paid() {
    start_till "TILL-$compilers_tested" 25.50 USD || return 1
    "$SANDBOX_BIN" customer approve "$address" || { kill "$till_pid"; return 1; }
    wait "$till_pid"
    till_status=$?
    cat "$work/till.out"
    [ "$till_status" -eq 0 ] &&
        grep -q "^PAID 25.50 USD .*Hand over the goods of TILL-$compilers_tested" "$work/till.out"
}

# The same by mobile money: the customer confirms on the phone.
till_is_paid_by_phone() {
    run_till "TILL-M-$compilers_tested" 57500 CDF "081 234 56 78" >"$work/till.out" 2>&1 &
    till_pid=$!
    "$SANDBOX_BIN" customer confirm "$SANDBOX_URL" --reference "TILL-M-$compilers_tested" --wait 20 ||
        { cat "$work/till.out"; kill "$till_pid"; return 1; }
    wait "$till_pid"
    till_status=$?
    cat "$work/till.out"
    [ "$till_status" -eq 0 ] && grep -q '^PAID 57500 CDF ' "$work/till.out"
}

# The till is killed while the customer pays. Started again, it sends nothing, and hands over once. Status 4: the
# goods were handed over with the recorded sales, not by this sale.
till_is_killed() {
    start_till "TILL-K-$compilers_tested" 12 USD || return 1
    kill -KILL "$till_pid"
    wait "$till_pid"
    "$SANDBOX_BIN" customer approve "$address" || return 1
    (run_till "TILL-K-$compilers_tested" 12 USD) >"$work/till.out" 2>&1
    till_status=$?
    (run_till "TILL-K-$compilers_tested" 12 USD) >>"$work/till.out" 2>&1
    next_status=$?
    cat "$work/till.out"
    [ "$till_status $next_status" = "4 4" ] && [ "$(grep -c 'Nothing was sent now' "$work/till.out")" -eq 2 ] &&
        [ "$(grep -c 'Hand over the goods' "$work/till.out")" -eq 1 ]
}

conforms() {
    "$work/conformance" "$VECTORS" "$SANDBOX_URL" >"$work/cxx.jsonl" &&
        "$PYTHON" "$root/tests/conformance/compare.py" "$VECTORS" "cxx=$work/cxx.jsonl"
}

test_with() {
    compiler=$1
    echo "== $("$compiler" --version | head -n 1)"
    run_single "$compiler -std=c++20" "$compiler" -std=c++20 -Wall -Wextra -Wpedantic -Werror \
        -I"$root/include" -fsyntax-only "$here/static_checks.cpp"
    build tests "$here/with_sandbox.cpp" "$here/without_network.cpp" "$here/journal.cpp" \
        "$here/static_checks.cpp" && run_counted "$work/tests"
    build abi_version "$here/abi_version.cpp" && run_counted "$work/abi_version"
    echo "-- with the sanitizers"
    build sanitized "$here/with_sandbox.cpp" "$here/without_network.cpp" "$here/journal.cpp" \
        -fsanitize=address,undefined -fno-sanitize-recover=all && run_counted "$work/sanitized"
    echo "-- conformance"
    build conformance "$here/conformance.cpp" && run_counted conforms
    echo "-- the examples"
    build till "$root/examples/cpp/till.cpp" && run_single "the till is paid" till_is_paid &&
        run_single "the till is paid by phone" till_is_paid_by_phone &&
        run_single "the till is killed" till_is_killed
    if [ "$compilers_tested" -eq 0 ]; then
        # With the first compiler only: the library's memory use does not depend on this compiler, and
        # the sanitizers above find leaks in the header.
        # shellcheck disable=SC2046  # several options
        build callback_server "$root/examples/cpp/callback_server.cpp" $(pkg-config --cflags --libs cpp-httplib) &&
            run_single "the callback server" "$PYTHON" "$here/callback_server.py" "$work/callback_server" "$work/till"
        echo "-- memory"
        build memory "$here/memory.cpp" -O2 && run_counted "$work/memory"
    fi
}

if start_sandbox_with_forgeries; then
    compilers_tested=0
    for compiler in ${CXX:-g++ clang++}; do
        if command -v "$compiler" >/dev/null; then
            test_with "$compiler"
            compilers_tested=$((compilers_tested + 1))
        else
            echo "FAILED: $compiler is not installed"
            failed=$((failed + 1))
        fi
    done
    if [ "$compilers_tested" -eq 0 ]; then
        echo "FAILED: no C++ compiler was found"
        failed=$((failed + 1))
    fi
else
    failed=$((failed + 1))
fi

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
