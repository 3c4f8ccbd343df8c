#!/usr/bin/env bash
# Runs all tests of the PHP package, with the system's PHP and with PHP 7.4, each over both transports: with
# FFI, and with FFI disabled. A test that is about one transport is in the group "ffi" or "program", with
# its reason. One that needs a database server is in the group "servers".
#
#   FLEXPAY_LIBRARY   the library to test (build/lib/libflexpay.so)
#   FLEXPAY_PROGRAM   the program to test (build/bin/flexpay)
#   SANDBOX_BIN       the sandbox (target/debug/flexpay-sandbox)
#   PHP               the system's PHP (php)
#   PHP74, PHP74_FPM  a PHP 7.4 with FFI and its FPM, instead of one downloaded from Debian into
#                     build/php74; PHP74=none skips 7.4
#   MAGO              the static analyzer; it only runs if this is set
#   JOURNAL_PROCESSES how many processes share a journal at once (8)
#   MEMORY_CALLS      how often the memory test calls each local function (100000)
#   NETWORK_CALLS     how often it calls each function that uses the gateway (2000)
#
# Debian: php-cli php-fpm php-sqlite3 php-mysql php-pgsql php-xml php-mbstring phpunit nginx mariadb-server
# postgresql gcc libc6-dev
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)

export FLEXPAY_LIBRARY FLEXPAY_PROGRAM SANDBOX_BIN
FLEXPAY_LIBRARY=$(realpath "${FLEXPAY_LIBRARY:-$root/build/lib/libflexpay.so}") || exit 2
FLEXPAY_PROGRAM=$(realpath "${FLEXPAY_PROGRAM:-$root/build/bin/flexpay}") || exit 2
SANDBOX_BIN=$(realpath "${SANDBOX_BIN:-$root/target/debug/flexpay-sandbox}") || exit 2
PHP=${PHP:-php}
phpunit=$(command -v phpunit) || { echo "phpunit is not installed" >&2; exit 2; }

work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM HUP

# The FPM workers do not run as root. If they cannot read the project, the tests use a copy of it.
project=$root
if [ "$(id -u)" -eq 0 ] && ! setpriv --reuid=www-data --regid=www-data --clear-groups \
    test -r "$here/../preload.php" -a -r "$FLEXPAY_LIBRARY" -a -x "$FLEXPAY_PROGRAM"; then
    project=$work/project
    mkdir -p "$project/tests" "$work/lib" && chmod 755 "$work"
    cp -r "$root/bindings" "$root/examples" "$root/include" "$project/"
    cp -r "$root/tests/vectors" "$project/tests/"
    cp "$FLEXPAY_LIBRARY" "$work/lib/libflexpay.so"
    cp "$FLEXPAY_PROGRAM" "$work/lib/flexpay"
    FLEXPAY_LIBRARY=$work/lib/libflexpay.so
    FLEXPAY_PROGRAM=$work/lib/flexpay
fi
package=$project/bindings/php

failed=0
step() {
    local name=$1
    shift
    echo "== $name"
    if "$@"; then
        echo "-- $name: passed"
    else
        echo "-- $name: FAILED"
        failed=$((failed + 1))
    fi
}

# Also for the processes that the tests start. A ":" stands for PHP's own directory.
mkdir "$work/without-ffi" && echo "ffi.enable=0" >"$work/without-ffi/without-ffi.ini"
chmod 755 "$work" "$work/without-ffi"

# arguments: the transport, PHP, its FPM (empty: the system's FPM of the same version), and a group of tests to
# leave out
units() (
    export PHP_FPM=${3:-}
    if [ "$1" = ffi ]; then
        exclude=program
    else
        exclude=ffi
        export PHP_INI_SCAN_DIR=${PHP_INI_SCAN_DIR-:}$work/without-ffi
    fi
    "$2" "$phpunit" -c "$package/phpunit.xml" --fail-on-skipped --exclude-group "$exclude${4:+,$4}"
)

# arguments: the transport, PHP, the number of local calls
memory() (
    [ "$1" = ffi ] || export PHP_INI_SCAN_DIR=${PHP_INI_SCAN_DIR-:}$work/without-ffi
    shift
    rm -f "$work/sandbox.env"
    "$SANDBOX_BIN" serve --http 127.0.0.1:0 --https 127.0.0.1:0 --no-callbacks --env-file "$work/sandbox.env" \
        >"$work/sandbox.log" 2>&1 &
    sandbox=$!
    trap 'kill "$sandbox" 2>/dev/null' EXIT
    until [ -e "$work/sandbox.env" ]; do
        kill -0 "$sandbox" 2>/dev/null || { cat "$work/sandbox.log"; return 1; }
        sleep 0.1
    done
    local url token status
    url=$(. "$work/sandbox.env" && echo "$SANDBOX_URL")
    token=$(. "$work/sandbox.env" && echo "$FLEXPAY_TOKEN")
    "$1" "$package/tests/memory.php" "$2" "${NETWORK_CALLS:-2000}" "$url" "$token"
    status=$?
    kill "$sandbox" && wait "$sandbox" 2>/dev/null
    return "$status"
)

version() {
    "$1" -r 'echo PHP_VERSION;'
}

calls=${MEMORY_CALLS:-100000}
step "tests over FFI, PHP $(version "$PHP")" units ffi "$PHP"
step "tests over the program, PHP $(version "$PHP")" units program "$PHP"
step "memory with FFI, PHP $(version "$PHP")" memory ffi "$PHP" "$calls"
step "memory with the program, PHP $(version "$PHP")" memory program "$PHP" "$((calls / 10))"

if [ "${PHP74:-}" != none ]; then
    if [ -z "${PHP74:-}" ] && "$here/php74.sh" "$root/build/php74"; then
        if [ "$project" != "$root" ]; then
            cp -r "$root/build/php74" "$work/php74"
            sed -i "s|$root/build/php74|$work/php74|g" "$work/php74/env" "$work/php74/php.ini"
            . "$work/php74/env"
        else
            . "$root/build/php74/env"
        fi
    fi
    if [ -n "${PHP74:-}" ]; then
        export PHP74
        step "syntax of PHP 7.4" "$package/tests/syntax74.sh"
        step "tests over FFI, PHP $(version "$PHP74")" units ffi "$PHP74" "${PHP74_FPM:-}"
        # The database servers were tested with this PHP, and over the program, but not with both.
        step "tests over the program, PHP $(version "$PHP74")" units program "$PHP74" "${PHP74_FPM:-}" servers
        step "memory with FFI, PHP $(version "$PHP74")" memory ffi "$PHP74" "$((calls / 10))"
    else
        step "PHP 7.4 is available" false
    fi
    unset PHPRC PHP_INI_SCAN_DIR LD_LIBRARY_PATH
fi

# Optional, because no Debian package contains mago. If MAGO is set, mago must be installed.
if [ -n "${MAGO:-}" ]; then
    step "static analysis" "$here/static.sh"
fi

if [ "$failed" -eq 0 ]; then
    echo "PHP: everything passed"
else
    echo "PHP: $failed FAILED"
    exit 1
fi
