#!/usr/bin/env bash
# Installs what the named needs want and the system lacks. Nothing is installed that works already.
#
#   scripts/setup.sh c php …
#
#   build   the library, the sandbox, the examples          c, cpp, php, python   the tests of each
#   rust    the tests of the crate and the sandbox          fuzz, bench, soak     `make fuzz`, `make bench` …
#   bare    `make bare` and `make test-setup`                pages, portable        `make pages`, `make portable`
#
# On a system without apt it names what is missing and stops. `make test-setup` proves this list in a
# bare Debian, `make bare` proves that nothing else is wanted.
set -euo pipefail

# For each need: a test that it works, and the Debian packages that bring it. That a command is there
# says little: headers, sanitizers and extensions come in packages of their own.
needs() {
    case "$1" in
        build)
            echo "program c cc -pthread -ldl -lm|gcc libc6-dev"
            ;;
        rust)
            needs build
            # The program, not the shell's own.
            echo "type -P kill|procps"
            ;;
        c)
            needs build
            echo "program c cc -fsanitize=address,undefined|gcc"
            echo "including jansson.h program c cc -ljansson|libjansson-dev"
            # Valgrind runs nothing where it cannot read the dynamic linker.
            echo "valgrind --quiet --error-exitcode=9 true|valgrind"
            echo "nm --version && readelf --version && strip --version|binutils"
            echo "pkg-config --version|pkg-config"
            echo "cmake --version && make --version|cmake make"
            ;;
        cpp)
            needs build
            echo "program c++ g++ -pthread|g++"
            echo "program c++ g++ -fsanitize=address,undefined|g++"
            echo "program c++ clang++ -pthread|clang g++"
            echo "program c++ clang++ -fsanitize=address,undefined|CLANG_SANITIZERS"
            echo "including nlohmann/json.hpp program c++ g++|nlohmann-json3-dev"
            echo "pkg-config --version|pkg-config"
            # Of the example callback_server.
            echo "including httplib.h program c++ g++ \$(pkg-config --cflags --libs cpp-httplib) -pthread|libcpp-httplib-dev"
            echo "including sqlite3.h program c++ g++ -lsqlite3|libsqlite3-dev"
            echo "python3 -c 'import sqlite3'|python3"
            # It compares what the vectors came to.
            echo "python3 -c 'import json'|python3"
            ;;
        php)
            needs build
            echo "php -v|php-cli"
            echo "php -m | grep -x FFI|php-common"
            echo "php -m | grep -x 'Zend OPcache'|php-cli"
            echo "php -m | grep -x pcntl && php -m | grep -x posix|php-cli"
            echo "php -m | grep -x pdo_sqlite|php-sqlite3"
            echo "php -m | grep -x dom && php -m | grep -x xmlwriter|php-xml"
            echo "php -m | grep -x mbstring|php-mbstring"
            echo "fpm -v|php-fpm"
            echo "/usr/sbin/nginx -v || nginx -v|nginx-light"
            echo "phpunit --version|phpunit"
            echo "setpriv --version|util-linux"
            # Of tests/soak.
            echo "openssl version|openssl"
            echo "python3 -c 'import http.client'|python3"
            # The packages of PHP 7.4 are verified with it.
            echo "test -e /usr/share/keyrings/debian-archive-keyring.gpg|debian-archive-keyring"
            ;;
        python)
            needs build
            # By this name: its tests call it so.
            echo "program c gcc|gcc libc6-dev"
            echo "python3 -c 'import ssl, sqlite3, ctypes'|python3"
            echo "python3 -c 'import ensurepip, venv'|python3-venv"
            ;;
        fuzz)
            needs build
            # libFuzzer is C++.
            echo "program c++ c++|g++"
            echo "nm --version|binutils"
            echo "python3 -c 'import json'|python3"
            ;;
        soak)
            needs php
            echo "unshare --mount true|util-linux"
            ;;
        bench)
            needs build
            echo "program c++ g++ -pthread|g++"
            echo "/usr/sbin/nginx -v || nginx -v|nginx-light"
            echo "openssl version|openssl"
            echo "including curl/curl.h program c cc -lcurl|libcurl4-openssl-dev"
            echo "including simdjson.h program c++ g++ -lsimdjson|libsimdjson-dev"
            echo "test -s /etc/ssl/certs/ca-certificates.crt|ca-certificates"
            echo "php -v|php-cli"
            echo "php -m | grep -x FFI|php-common"
            echo "php -m | grep -x 'Zend OPcache'|php-cli"
            echo "php -m | grep -x curl|php-curl"
            echo "fpm -v|php-fpm"
            echo "setpriv --version|util-linux"
            echo "python3 -c 'import ssl'|python3"
            echo "python3 -c 'import ensurepip, venv'|python3-venv"
            echo "valgrind --quiet --error-exitcode=9 true|valgrind"
            echo "nm --version && strip --version|binutils"
            ;;
        portable)
            needs build
            echo "python3 -c 'import ensurepip, venv'|python3-venv"
            echo "nm --version|binutils"
            ;;
        pages)
            echo "npm --version && node --version|npm"
            echo "curl --version|curl"
            echo "chromium --version|chromium"
            ;;
        bare)
            echo "command -v debootstrap|debootstrap"
            echo "unshare --version|util-linux"
            echo "git --version|git"
            ;;
        *)
            echo "setup.sh: no such need: $1" >&2
            exit 2
            ;;
    esac
}

# program LANGUAGE COMPILER [FLAG…]: a program is compiled, linked and run.
program() {
    local language=$1 compiler=$2
    shift 2
    {
        [ -z "${header:-}" ] || echo "#include <$header>"
        [ "$language" = c ] || echo "#include <string>"
        echo "#include <stdio.h>"
        echo "int main(void) { return puts(\"it runs\") < 0; }"
    } >"$work/program.$language"
    "$compiler" -x "$language" "$work/program.$language" -x none -o "$work/program" "$@" && "$work/program"
}

# including HEADER program …: the same with a library's header.
including() {
    local header=$1
    shift
    "$@"
}

# PHP's FPM, whatever its version. It is in no folder that users search.
fpm() {
    local found
    found=$(compgen -G '/usr/sbin/php-fpm*' | head -n 1) && "$found" "$@"
}

# The sanitizers' part that is linked has the compiler's version in its package's name.
clang_sanitizers() {
    local major
    major=$(clang++ -dumpversion 2>/dev/null | cut -d . -f 1) || true
    [ -n "$major" ] ||
        major=$(apt-cache depends clang | sed -n 's/.*Depends: clang-\([0-9]*\)$/\1/p' | head -n 1)
    echo "libclang-rt-$major-dev"
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Sets missing, one package a line, and broken, one test a line.
look() {
    local list line test
    # Each test once; a need may be part of another.
    list=$(for need in "$@"; do needs "$need" || exit; done | awk '!seen[$0]++')
    missing=() broken=()
    while IFS= read -r line; do
        test=${line%|*}
        # Nothing is read from the list: a test that reads would eat it.
        if ! (eval "$test") >"$work/said" 2>&1 </dev/null; then
            read -ra packages <<<"${line##*|}"
            missing+=("${packages[@]}")
            broken+=("$test: $(head -n 3 "$work/said")")
        fi
    done <<<"$list"
}

[ $# -gt 0 ] || exit 0
look "$@"
[ ${#missing[@]} -gt 0 ] || exit 0

mapfile -t missing < <(printf '%s\n' "${missing[@]}" | sort -u)
if ! command -v apt-get >/dev/null; then
    echo "Please install what these Debian packages hold: ${missing[*]}" >&2
    exit 1
fi
as_root=()
[ "$(id -u)" -eq 0 ] || as_root=(sudo)
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get update -qq
for at in "${!missing[@]}"; do
    [ "${missing[at]}" != CLANG_SANITIZERS ] || missing[at]=$(clang_sanitizers)
done
echo "Installing ${missing[*]}" >&2
"${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null

# Installed is not yet working. It is said here, not by the tenth test after.
look "$@"
if [ ${#broken[@]} -gt 0 ]; then
    echo "setup.sh: installed, and still this does not work:" >&2
    printf '  %s\n' "${broken[@]}" >&2
    exit 1
fi
