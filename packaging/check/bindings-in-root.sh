#!/usr/bin/env bash
# Runs the Python and the PHP tests in a Debian for another processor, with the library of an archive. Left out are the
# tests that need a web server or a database server, and the one that limits the memory of a process: the
# emulator is in it.
#
#   packaging/check/bindings-in-root.sh ARCHITECTURE PACKAGE      PACKAGE: the unpacked archive
#
# SANDBOX_BIN   a static sandbox of this machine: it runs in every root
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD/build/roots/$1
package=$2
mkdir -p "$root/src" "$root/package" "$root/sandbox"

# shellcheck disable=SC2016 # expanded by the inner shell
unshare --mount bash -euc '
    root=$1
    mount --bind "$2" "$root/src"
    mount --bind "$3" "$root/package"
    mount --bind "$(dirname "$4")" "$root/sandbox"
    mount --rbind /dev "$root/dev"
    mount -t proc proc "$root/proc"
    exec chroot "$root" /usr/bin/env -i HOME=/root LANG=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin \
        FLEXPAY_LIBRARY=/package/lib/libflexpay.so FLEXPAY_PROGRAM=/package/bin/flexpay \
        SANDBOX_BIN="/sandbox/$(basename "$4")" bash -euc "
            cd /src/bindings/python
            PYTHONPATH=. PYTHONDONTWRITEBYTECODE=1 python3 -m pytest -q -p no:cacheprovider tests/test_abuse.py \
                tests/test_errors.py tests/test_journal.py tests/test_layout.py tests/test_mobile.py \
                tests/test_names.py tests/test_payments.py tests/test_trace.py tests/test_values.py \
                --deselect tests/test_errors.py::test_no_thread_for_the_dns_lookup
            cd /src/bindings/php
            phpunit -c phpunit.xml --exclude-group program,servers --do-not-cache-result \
                --filter \"AbiTest|ArgumentsTest|ClientTest|ClientJournalTest|ConformanceTest|ExceptionsTest|MobileTest|PayoutTest|PhoneTest|TraceTest\""
    ' bindings-in-root "$root" "$PWD" "$package" "$SANDBOX_BIN"
