#!/usr/bin/env bash
# Checks that the ABI is the recorded one, tests this checker, and runs a program that was compiled with the first
# version of this ABI with the library of today (docs/abi.md).
#
# FLEXPAY_LIB_DIR  folder of libflexpay.so   (build/lib)
# SANDBOX_BIN      the local gateway         (target/debug/flexpay-sandbox)
# CC               the compiler              (cc)
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root"
lib=$(cd "${FLEXPAY_LIB_DIR:-build/lib}" && pwd)
# The caller's settings for another gateway must not affect the program.
unset "${!FLEXPAY_@}"
export PYTHONDONTWRITEBYTECODE=1
work=$(mktemp -d)
# shellcheck source=tests/conformance/sandbox.sh
. tests/conformance/sandbox.sh
trap 'stop_sandbox; rm -rf "$work"' EXIT

tests/abi/abi.py check --library "$lib/libflexpay.so"
tests/abi/test_abi.py

# Linked with a library of then, which has no code: the program must not contain anything of today's.
baseline=tests/abi/baseline
mkdir "$work/then"
tests/abi/stub.py "$baseline/flexpay.h" "$baseline/libflexpay.map" "$work/then/libflexpay.so"
"${CC:-cc}" -std=c99 -pedantic -Wall -Wextra -Werror -D_POSIX_C_SOURCE=200809L -I"$baseline" -Itests/c \
    tests/abi/program.c tests/c/http.c -o "$work/program" -L"$work/then" -lflexpay
start_sandbox
LD_LIBRARY_PATH=$lib "$work/program" "$work/journal.db"
