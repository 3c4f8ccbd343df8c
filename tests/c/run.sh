#!/usr/bin/env bash
#
# run.sh [plain|asan|valgrind]: compiles the C tests and runs them against one sandbox.
#
# FLEXPAY_LIB_DIR  directory of libflexpay.so   (build/lib)
# SANDBOX_BIN      the local gateway            (target/debug/flexpay-sandbox)
# BUILD_DIR        directory for the programs   (build/tests/c)
# CC, CFLAGS       the compiler and its flags   (cc, -g)
# TESTS            names of the tests to run    (all)
# WITHOUT          names of tests to leave out of all (none)

set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
mode=${1:-plain}
lib=$(cd "${FLEXPAY_LIB_DIR:-$root/build/lib}" && pwd)
sandbox=${SANDBOX_BIN:-$root/target/debug/flexpay-sandbox}
build=${BUILD_DIR:-$root/build/tests/c}/$mode

flags=(-std=c99 -pedantic -Wall -Wextra -Werror -D_POSIX_C_SOURCE=200809L)
# Unquoted: CFLAGS may hold several flags.
# shellcheck disable=SC2206
flags+=(${CFLAGS:--g})
runner=()
case $mode in
plain) ;;
asan) flags+=(-fsanitize=address -fsanitize=undefined -fno-sanitize-recover=all
    -fno-omit-frame-pointer) ;;
# The suppressions name functions that SQLite's own are deep below.
valgrind) runner=(valgrind --quiet --leak-check=full --num-callers=50 "--show-leak-kinds=definite,indirect"
    "--errors-for-leak-kinds=definite,indirect" --error-exitcode=9
    --suppressions="$root/tests/c/valgrind.supp") ;;
*)
    echo "usage: run.sh [plain|asan|valgrind]" >&2
    exit 2
    ;;
esac

all=(null_drop null_everywhere sized_structs invalid_utf8 enum_out_of_range numbers version
    from_environment system_roots utf8_paths pay refusals check_and_wait expected_order callbacks callback_key secrets cancel interrupted broken_pipe
    mobile payout phone trace shared_client small_stack forked_child round_trips hanging_lookup moved_host
    journal journal_entries journal_processes callback_example)
# wiped searches its own memory; fork_while_starting and one_allocation replace malloc and free. The
# sanitizers and valgrind do the same, so these run without them.
[ "$mode" = plain ] && all+=(wiped fork_while_starting one_allocation)
read -r -a tests <<<"${TESTS:-${all[*]}}"
for name in ${WITHOUT:-}; do
    for at in "${!tests[@]}"; do
        [ "${tests[at]}" != "$name" ] || unset "tests[at]"
    done
done

mkdir -p "$build"
compile() {
    local program=$1
    shift
    "${CC:-cc}" "${flags[@]}" -I"$root/include" "$@" -o "$build/$program" \
        -L"$lib" -Wl,-rpath,"$lib" -lflexpay -pthread -ldl
}
cd "$root/tests/c"
for test in "${tests[@]}"; do
    compile "$test" "$test.c" sandbox.c http.c
done
compile layout layout.c
# The test callback_example runs it.
compile callback "$root/examples/c/callback.c"
export CALLBACK_PROGRAM=$build/callback
# unload loads the library with dlopen, so it is not linked with it.
"${CC:-cc}" "${flags[@]}" -I"$root/include" unload.c -o "$build/unload" -ldl -pthread
compile conformance conformance.c -ljansson
if [ "$mode" = asan ] && ! nm "$build/layout" | grep -q __asan_init; then
    echo "run.sh: the programs are built without the address sanitizer" >&2
    exit 1
fi

work=$(mktemp -d)
servers=()
cleanup() {
    for server in "${servers[@]}"; do
        kill "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
    done
    rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
"$sandbox" serve --http 127.0.0.1:0 --https 127.0.0.1:0 --vectors "$root/tests/vectors" \
    --no-callbacks --allow-host refuses.gateway.example --allow-host silent.gateway.example --env-file "$work/gateway.env" >"$work/gateway.log" 2>&1 &
servers+=($!)
# wait_for_file FILE LOG: waits until the server that was started last has written FILE. If it ends
# first, prints LOG and exits.
wait_for_file() {
    for ((tries = 0; tries < 600; tries++)); do
        [ -s "$1" ] && return
        kill -0 "${servers[-1]}" 2>/dev/null || break
        sleep 0.05
    done
    cat "$2" >&2
    echo "run.sh: the sandbox did not start" >&2
    exit 1
}
wait_for_file "$work/gateway.env" "$work/gateway.log"
# The caller's settings for another gateway must not affect the tests.
unset "${!FLEXPAY_@}" QUERY_STRING
set -a
# shellcheck source=/dev/null
. "$work/gateway.env"
set +a
export RELAY_RECORD=$work/relay RELAY_ADDRESS
export TEST_FOLDER=$work
"$sandbox" relay "${SANDBOX_HTTPS_URL#https://}" --record "$RELAY_RECORD" >"$work/relay.log" 2>&1 &
servers+=($!)
wait_for_file "$RELAY_RECORD" "$work/relay.log"
RELAY_ADDRESS=$(sed -n 's/^listening //p' "$RELAY_RECORD")

failed=()
# run NAME COMMAND...: prints all output of a command that fails, otherwise its last line.
run() {
    local name=$1
    shift
    if "$@" >"$work/output" 2>&1; then
        printf '%-20s %s\n' "$name" "$(tail -n 1 "$work/output")"
    else
        printf '%-20s FAILED (status %d)\n' "$name" "$?"
        sed 's/^/    /' "$work/output"
        failed+=("$name")
    fi
}
for test in "${tests[@]}"; do
    run "$test" "${runner[@]}" "$build/$test"
done
if [ -z "${TESTS:-}" ]; then
    run unload env FLEXPAY_LIBRARY="$lib/libflexpay.so" FLEXPAY_PAY_URL="$SANDBOX_HTTPS_URL/v1.1/pay" \
        FLEXPAY_CHECK_URL="$SANDBOX_HTTPS_URL/api/rest/v1/check" "${runner[@]}" "$build/unload"
fi
if [ -z "${TESTS:-}" ] && [ "$mode" = plain ]; then
    run "64 forked children" env FLEXPAY_TEST_CHILDREN=64 FLEXPAY_TEST_CALLS=200 "$build/forked_child"
fi
run layout "${runner[@]}" "$build/layout"
# tests/conformance checks the content of the lines. Here the program only has to run without errors.
conformance() {
    "${runner[@]}" "$build/conformance" "$root/tests/vectors" "$SANDBOX_URL" \
        >"$build/conformance.jsonl" && echo "$(wc -l <"$build/conformance.jsonl") cases"
}
if [ -z "${TESTS:-}" ]; then
    run conformance conformance
fi

echo
if [ ${#failed[@]} -ne 0 ]; then
    echo "$mode: failed: ${failed[*]}"
    exit 1
fi
echo "$mode: all passed"
