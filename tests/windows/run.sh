#!/usr/bin/env bash
# Tests the library and the programs for Windows, under Wine: the C and C++ suites, the tills, the program and its
# bridge, the sandbox.
#
#   tests/windows/run.sh [x86_64|i686]      after packaging/build.sh windows-x86_64 (windows-i686)
#
# SANDBOX_BIN   the local gateway for this system (target/debug/flexpay-sandbox)
# PLATFORMS_DIR  instead of build/platforms
# TESTS         the parts to run (see "parts" below), instead of all
#
# i686 needs root, for a Debian of its own: see wine.sh. Ends with a line "N passed, M failed".
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
arch=${1:-x86_64}
case $arch in x86_64 | i686) ;; *) sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2 && exit 2 ;; esac
platform=${PLATFORMS_DIR:-$root/build/platforms}/windows-$arch
sandbox=${SANDBOX_BIN:-$root/target/debug/flexpay-sandbox}
build=$root/build/tests/windows/$arch
tools=$arch-w64-mingw32

# shellcheck source=SCRIPTDIR/wine.sh
. "$root/tests/windows/wine.sh"
if [ "$arch" = i686 ] && [ -z "${FLEXPAY_IN_NAMESPACE:-}" ]; then
    make_wine_root
    FLEXPAY_IN_NAMESPACE=1 exec unshare --mount "$0" "$arch"
fi
[ "$arch" != i686 ] || mount_wine_root

for file in lib/flexpay.dll lib/libflexpay.a lib/flexpay.lib bin/flexpay.exe bin/flexpay-sandbox.exe; do
    [ -e "$platform/$file" ] || { echo "no $platform/$file: packaging/build.sh windows-$arch" >&2; exit 2; }
done

rm -rf "$build"
work=$build/work
mkdir -p "$work"
servers=()
cleanup() {
    for server in "${servers[@]}"; do
        kill -KILL "$server" 2>/dev/null || true
    done
    # Wine's services end a few seconds after the last program.
    wait 2>/dev/null || true
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

passed=0 failed=()
# run NAME COMMAND…: prints the last line of its output; all of it if it fails.
run() {
    local name=$1
    shift
    if "$@" >"$work/output" 2>&1 </dev/null; then
        printf '%-24s %s\n' "$name" "$(tail -n 1 "$work/output" | tr -d '\r')"
        passed=$((passed + 1))
    else
        printf '%-24s FAILED (status %d)\n' "$name" "$?"
        sed 's/^/    /' "$work/output"
        failed+=("$name")
    fi
}

# wait_for_file FILE: until it is there and not empty.
wait_for_file() {
    for ((tries = 0; tries < 1200; tries++)); do
        [ ! -s "$1" ] || return 0
        sleep 0.05
    done
    echo "$1 was not written"
    return 1
}

# ---- Payments -----------------------------------------------------------------------------------

# The customer of the sandbox, on this system.
customer() {
    "$sandbox" customer "$@"
}

# start_payment COMMAND…: starts a program that requests a payment by card. Sets $payer, its process, and $address,
# the card page that it prints.
start_payment() {
    "$@" >"$work/paid" 2>&1 </dev/null &
    payer=$!
    until address=$(grep -oE 'http://127[^ ]*' "$work/paid" | head -n 1 | tr -d '\r') && [ -n "$address" ]; do
        kill -0 "$payer" 2>/dev/null || { cat "$work/paid"; return 1; }
        sleep 0.1
    done
}

# ends_well PROCESS: it ends with status 0. Prints what it wrote.
ends_well() {
    local status=0
    wait "$1" || status=$?
    cat "$work/paid"
    return "$status"
}

# paid_by_card COMMAND…: the same program, and the customer pays. It must end with status 0.
paid_by_card() {
    start_payment "$@" && customer approve "$address" && ends_well "$payer"
}

# ---- The programs -------------------------------------------------------------------------------

c_flags=(-std=c99 -pedantic -Wall -Wextra -Werror -Wvla -O1 -I"$root/include")
cxx_flags=(-std=c++17 -Wall -Wextra -Wpedantic -Werror -O1 -I"$root/include" -I"$root/tests/cpp")
# The C and C++ libraries of mingw in the program: nothing but flexpay.dll has to be beside it.
self_contained=(-static-libgcc -Wl,-Bstatic -lpthread -Wl,-Bdynamic)

# compile_c NAME SOURCE… : a program of the C suite, with the import library.
compile_c() {
    local name=$1
    shift
    # POSIX: mingw declares more with it.
    "$tools-gcc" "${c_flags[@]}" -D_POSIX_C_SOURCE=200809L "$@" -o "$build/$name.exe" \
        "$platform/lib/libflexpay.dll.a" -lws2_32 "${self_contained[@]}"
}

compile_cxx() {
    local name=$1
    shift
    "$tools-g++-posix" "${cxx_flags[@]}" "$@" -o "$build/$name.exe" \
        "$platform/lib/libflexpay.dll.a" -lws2_32 -static
}

# What the static library needs: `rustc --print native-static-libs`.
system_libraries=(-lws2_32 -lbcrypt -lcrypt32 -lntdll -luserenv -ladvapi32 -lkernel32)

# ---- The C suite --------------------------------------------------------------------------------

c_tests=(null_drop null_everywhere sized_structs invalid_utf8 enum_out_of_range numbers version from_environment
    system_roots utf8_paths pay refusals check_and_wait expected_order callbacks callback_key secrets cancel mobile
    payout phone trace shared_client round_trips journal journal_entries journal_processes callback_example)
# The programs with a part of their own below.
c_parts=(layout unload panics)
c_not_run="
broken_pipe           Windows has no SIGPIPE
interrupted           on Windows, a signal interrupts no call
forked_child          Windows has no fork
fork_while_starting   Windows has no fork
hanging_lookup        a program cannot replace a function that a DLL calls
moved_host            a program cannot replace a function that a DLL calls
one_allocation        a program cannot replace a function that a DLL calls
small_stack           Wine gives every thread at least 1 MiB
wiped                 it reads /proc/self/mem
conformance           jansson is not packaged for mingw; the C++ runner has the same cases
"

# A test that is in no list would silently not be run.
every_c_test_is_listed() {
    local file name
    for file in "$root"/tests/c/*.c; do
        name=$(basename "$file" .c)
        case $name in sandbox | http) continue ;; esac
        printf '%s\n' "${c_tests[@]}" "${c_parts[@]}" "$(sed 's/ .*//' <<<"$c_not_run")" | grep -x "$name" >/dev/null || {
            echo "tests/c/$name.c is in no list of tests/windows/run.sh"
            return 1
        }
    done
    echo "$((${#c_tests[@]} + ${#c_parts[@]})) programs run here; not run: $(grep -c . <<<"$c_not_run")"
}

run_c() {
    local name
    run "list of C tests" every_c_test_is_listed
    compile_c callback "$root/examples/c/callback.c"
    CALLBACK_PROGRAM=$(windows_path "$build/callback.exe")
    export CALLBACK_PROGRAM
    cd "$root/tests/c"
    for name in "${c_tests[@]}"; do
        run "$name" compile_and_run_c "$name"
    done
    run layout compile_and_run_c layout
    "$tools-gcc" "${c_flags[@]}" -D_POSIX_C_SOURCE=200809L unload.c -o "$build/unload.exe" "${self_contained[@]}"
    run unload env FLEXPAY_LIBRARY="$(windows_path "$build/flexpay.dll")" \
        FLEXPAY_PAY_URL="$SANDBOX_HTTPS_URL/v1.1/pay" \
        FLEXPAY_CHECK_URL="$SANDBOX_HTTPS_URL/api/rest/v1/check" "$wine" "$build/unload.exe"
    cd "$root"
}

compile_and_run_c() {
    mkdir -p "$work/$1"
    compile_c "$1" "$1.c" sandbox.c http.c &&
        TEST_FOLDER=$(windows_path "$work/$1") "$wine" "$build/$1.exe"
}

# ---- Panics -------------------------------------------------------------------------------------

# The library in which every function panics: packaging/build.sh --only panics.
run_panics() {
    [ -e "$platform/panics/flexpay.dll" ] || { echo "no $platform/panics/flexpay.dll" >&2; exit 2; }
    mkdir -p "$build/panics"
    cp "$platform/panics/flexpay.dll" "$build/panics/"
    compile_c panics/panics "$root/tests/c/panics.c"
    run panics "$wine" "$build/panics/panics.exe"
}

# ---- Other ways to link -------------------------------------------------------------------------

# The static library, once. The program needs no flexpay.dll.
with_static_library() {
    mkdir -p "$build/static"
    "$tools-gcc" "${c_flags[@]}" -D_POSIX_C_SOURCE=200809L "$root"/tests/c/{journal,sandbox,http}.c \
        -o "$build/static/journal.exe" "$platform/lib/libflexpay.a" "${system_libraries[@]}" "${self_contained[@]}"
    "$wine" "$build/static/journal.exe"
}

# MSVC's import library, with LLVM's linker in the place of Microsoft's. The C library is mingw's: Microsoft's is
# not free.
with_msvc_library() {
    local crt libgcc options=(/machine:x64 /alternatename:__image_base__=__ImageBase)
    [ "$arch" = x86_64 ] || options=(/machine:x86 /safeseh:no /alternatename:__image_base__=___ImageBase)
    crt=$(dirname "$("$tools-gcc" -print-file-name=crt2.o)")
    libgcc=$("$tools-gcc" -print-file-name=libgcc.a)
    mkdir -p "$build/msvc"
    cp "$build/flexpay.dll" "$build/msvc/"
    "$tools-gcc" "${c_flags[@]}" -c "$root/examples/c/minimal.c" -o "$build/msvc/minimal.obj"
    # -lldmingw and the alternative name are for mingw's C library.
    lld-link -lldmingw "${options[@]}" /subsystem:console /entry:mainCRTStartup "/out:$build/msvc/minimal.exe" \
        "$crt/crt2.o" "$build/msvc/minimal.obj" "$platform/lib/flexpay.lib" "$libgcc" \
        "$crt"/lib{mingw32,mingwex,msvcrt,kernel32,moldname,advapi32,user32,shell32}.a &&
        paid_by_card "$wine" "$build/msvc/minimal.exe" WIN-MSVC
}

run_linking() {
    run "static library" with_static_library
    run "flexpay.lib (lld-link)" with_msvc_library
}

# ---- Windows' own certificates ------------------------------------------------------------------

run_certificates() {
    "$tools-gcc" "${c_flags[@]}" -D_POSIX_C_SOURCE=200809L -I"$root/tests/c" "$root/tests/windows/certificates.c" \
        "$root"/tests/c/{sandbox,http}.c -o "$build/certificates.exe" "$platform/lib/libflexpay.dll.a" \
        -lws2_32 -lcrypt32 -ladvapi32 "${self_contained[@]}"
    run "certificate store" "$wine" "$build/certificates.exe"
}

# ---- The C++ suite ------------------------------------------------------------------------------

conforms() {
    compile_cxx conformance "$root/tests/cpp/conformance.cpp" -I"$build/include" &&
        "$wine" "$build/conformance.exe" "$(windows_path "$vectors")" "$SANDBOX_URL" >"$work/cxx.jsonl" &&
        python3 "$root/tests/conformance/compare.py" "$vectors" "cxx=$work/cxx.jsonl"
}

compile_and_run_cxx() {
    local name=$1
    shift
    compile_cxx "$name" "$@" && "$wine" "$build/$name.exe"
}

run_cpp() {
    # Only this header of /usr/include.
    mkdir -p "$build/include"
    ln -sfn /usr/include/nlohmann "$build/include/nlohmann"
    local tests=$root/tests/cpp
    run "C++ suite" compile_and_run_cxx tests "$tests"/{with_sandbox,without_network,journal,static_checks}.cpp
    run "C++ ABI version" compile_and_run_cxx abi_version "$tests/abi_version.cpp"
    run "C++ conformance" conforms
}

# ---- The tills ----------------------------------------------------------------------------------

# The tills, each with a journal of its own. A decline would be final after a second.
till_c=(env FLEXPAY_JOURNAL="$(windows_path "$work/till-c.db")" FLEXPAY_TILL_GRACE_S=1
    "$work/wine" "$build/till-c.exe")
till_cxx=(env FLEXPAY_JOURNAL="$(windows_path "$work/till-cxx.db")" "$work/wine" "$build/till-cxx.exe")

c_till_is_paid() {
    paid_by_card "${till_c[@]}" 25.50 USD WIN-C-1 && grep -q 'Hand over the goods of WIN-C-1' "$work/paid"
}

cxx_till_is_paid() {
    paid_by_card "${till_cxx[@]}" WIN-CXX-1 25.50 USD && grep -q 'Hand over the goods of WIN-CXX-1' "$work/paid"
}

c_till_is_paid_by_phone() {
    "${till_c[@]}" --mobile '081 234 56 78' 57500 CDF WIN-C-2 >"$work/paid" 2>&1 &
    customer confirm "$SANDBOX_URL" --reference WIN-C-2 --wait 60 && ends_well "$!" &&
        grep -q 'Hand over the goods of WIN-C-2' "$work/paid"
}

# The till is killed while the customer pays. Started again, it hands over once, and charges nobody.
c_till_is_killed() {
    start_payment "${till_c[@]}" 12 USD WIN-C-3 || return 1
    kill -KILL "$payer"
    wait "$payer" 2>/dev/null || true
    customer approve "$address" || return 1
    "${till_c[@]}" --reconcile >"$work/paid" 2>&1 && "${till_c[@]}" --reconcile >>"$work/paid" 2>&1 || return 1
    cat "$work/paid"
    [ "$(grep -c 'Hand over the goods of WIN-C-3' "$work/paid")" -eq 1 ]
}

run_tills() {
    # As a merchant compiles them: without the definitions of POSIX.
    local name
    for name in till minimal payout; do
        "$tools-gcc" "${c_flags[@]}" "$root/examples/c/$name.c" -o "$build/$name.exe" "$platform/lib/libflexpay.dll.a"
    done
    mv "$build/till.exe" "$build/till-c.exe"
    compile_cxx till-cxx "$root/examples/cpp/till.cpp"
    run "minimal.c" paid_by_card "$wine" "$build/minimal.exe" WIN-MINIMAL
    run "till.c" c_till_is_paid
    run "till.c by phone" c_till_is_paid_by_phone
    run "till.c killed" c_till_is_killed
    run "till.cpp" cxx_till_is_paid
}

# ---- The program --------------------------------------------------------------------------------

shell_example_is_paid() {
    paid_by_card sh "$root/examples/shell/pay.sh" "$1" 25.50 USD
}

# The settings are in a file, in a folder with a name of no code page, with the byte order mark of Notepad. The
# journal is in that folder too.
settings_in_a_file() {
    local folder="$work/caissé-Lubumbashi-收" file name shop=https://shop.example
    file=$folder/réglages-收.env
    mkdir -p "$folder"
    {
        printf '\xef\xbb\xbf'
        for name in FLEXPAY_MERCHANT FLEXPAY_TOKEN FLEXPAY_API FLEXPAY_PAY_URL FLEXPAY_CHECK_URL; do
            printf '%s=%s\r\n' "$name" "${!name}"
        done
        printf 'FLEXPAY_JOURNAL=%s\r\n' "$(windows_path "$folder/journal.db")"
    } >"$file"
    (
        unset "${!FLEXPAY_@}"
        "$program" pay --env-file "$(windows_path "$file")" --reference WIN-ENV-1 --amount 25.50 --currency USD \
            --callback-url $shop/callback --approve-url $shop/ok --cancel-url $shop/no --decline-url $shop/no &&
            [ -s "$folder/journal.db" ] &&
            "$program" journal list --env-file "$(windows_path "$file")" | grep WIN-ENV-1
    )
}

doctor_finds_nothing_wrong() {
    FLEXPAY_LIBRARY=$(windows_path "$platform/lib/flexpay.dll") "$program" doctor
}

# On a busy machine, Wine kills a process whose threads have all ended, but which is still there a second later: 137.
# Its own exit status is lost then.
bridge_conforms() {
    printf '#!/bin/sh\n"%s" "$@"\nstatus=$?\n[ $status -ne 137 ] || status=0\nexit $status\n' "$program" \
        >"$work/ended"
    chmod +x "$work/ended"
    FLEXPAY_PROGRAM=$work/ended python3 "$root/tests/conformance/bridge.py" "$vectors" "$SANDBOX_URL" \
        >"$work/bridge.jsonl" &&
        python3 "$root/tests/conformance/compare.py" "$vectors" "bridge=$work/bridge.jsonl"
}

run_program() {
    export FLEXPAY_PROGRAM=$program
    run "pay.sh" shell_example_is_paid WIN-SH-1
    run "settings in a file" settings_in_a_file
    run "doctor" doctor_finds_nothing_wrong
    run "bridge conformance" bridge_conforms
    compile_c streams -I"$root/tests/c" "$root/tests/windows/streams.c"
    run "bridge over sockets" "$wine" "$build/streams.exe" "$(windows_path "$platform/bin/flexpay.exe")"
}

# The fault run, over bridges of which some are killed. The gateway that misbehaves is a program of this system.
# What concerns money must be clean. The times and the ends of the processes are printed, and not judged: Wine adds
# its own delays, and kills a process that has ended but is still there after a second.
money_is_clean() {
    local line
    "$root/faults/run.sh" 200 --seed 4 --bridge --threads 4 --log "$work/faults.log" || true
    for line in 'false NOT_SENT' 'more than one payment request a call' 'requests to another service' \
        'payments on a used connection' 'false REFUSED' 'false success' 'journals that disagree with the ledger' \
        'token in strings from the library' 'token in the output' 'failures of the harness' panics; do
        grep -qE "^$line +0\$" "$work/faults.log" || { echo "not clean: $line"; return 1; }
    done
    grep -E '^200 runs, ' "$work/faults.log"
}

run_faults() {
    # The library that replaces lookups is for 64 bit processes.
    [ "$arch" = i686 ] || FLEXPAY_PROGRAM=$program run "faults over the bridge" money_is_clean
}

# ---- The sandbox --------------------------------------------------------------------------------

sandbox_takes_a_payment() {
    local folder="$work/bac-à-sable-收" pid
    mkdir -p "$folder"
    "$wine" "$platform/bin/flexpay-sandbox.exe" serve --http 127.0.0.1:0 --https 127.0.0.1:0 \
        --env-file "$(windows_path "$folder/flexpay.env")" >"$work/sandbox-exe.log" 2>&1 &
    pid=$!
    servers+=("$pid")
    wait_for_file "$folder/flexpay.env" || { cat "$work/sandbox-exe.log"; return 1; }
    # The checks are over TLS: FLEXPAY_CA_FILE is a path of Windows.
    (
        unset "${!FLEXPAY_@}"
        set -a
        # shellcheck source=/dev/null
        . "$folder/flexpay.env"
        FLEXPAY_PROGRAM=$program
        FLEXPAY_CHECK_URL=$SANDBOX_HTTPS_URL/api/rest/v1/check
        shell_example_is_paid WIN-EXE-1
    ) || { cat "$work/sandbox-exe.log"; return 1; }
    kill -KILL "$pid"
    wait "$pid" 2>/dev/null || true
}

run_sandbox() {
    run "flexpay-sandbox.exe" sandbox_takes_a_payment
}

# ---- All of it ----------------------------------------------------------------------------------

parts=(c panics linking certificates cpp tills program sandbox faults)
read -r -a chosen <<<"${TESTS:-${parts[*]}}"

# They would replace the certificates of Windows.
unset SSL_CERT_FILE SSL_CERT_DIR
unset "${!FLEXPAY_@}" QUERY_STRING
prepare_wine "$arch"
program=$work/flexpay
printf '#!/bin/sh\nexec "%s" "%s" "$@"\n' "$wine" "$platform/bin/flexpay.exe" >"$program"
chmod +x "$program"
cp "$platform/lib/flexpay.dll" "$build/"

# The vectors, with the forgery cases prepared for this sandbox.
vectors=$work/vectors
mkdir "$vectors" "$work/gateway"
cp "$root"/tests/vectors/*.json "$vectors"
"$sandbox" serve --http 127.0.0.1:0 --https 127.0.0.1:0 --directory "$work/gateway" --vectors "$vectors" \
    --no-callbacks \
    --allow-host refuses.gateway.example --allow-host silent.gateway.example --env-file "$work/gateway.env" \
    >"$work/gateway.log" 2>&1 &
servers+=($!)
wait_for_file "$work/gateway.env"
set -a
# shellcheck source=/dev/null
. "$work/gateway.env"
set +a
python3 "$root/tests/conformance/stage.py" "$root/tests/vectors" "$vectors"
# The tests' own relay counts the round trips.
"$sandbox" relay "${SANDBOX_HTTPS_URL#https://}" --record "$work/relay" >"$work/relay.log" 2>&1 &
servers+=($!)
wait_for_file "$work/relay"
RELAY_ADDRESS=$(sed -n 's/^listening //p' "$work/relay")
RELAY_RECORD=$(windows_path "$work/relay")
TEST_FOLDER=$(windows_path "$work")
FLEXPAY_CA_FILE=$(windows_path "$FLEXPAY_CA_FILE")
export RELAY_ADDRESS RELAY_RECORD TEST_FOLDER FLEXPAY_CA_FILE

echo "== windows-$arch: $("$wine" --version)"
for part in "${chosen[@]}"; do
    "run_$part"
done

echo
[ ${#failed[@]} -eq 0 ] || echo "windows-$arch: failed: ${failed[*]}"
echo "$passed passed, ${#failed[@]} failed"
[ ${#failed[@]} -eq 0 ]
