#!/usr/bin/env bash
# Installs what the named targets need and the system lacks. Nothing is installed that is there.
#
#   scripts/setup.sh c php …
#
# On a system without apt it names what is missing and stops.
set -euo pipefail

# For each need: how to tell that it is there, and the Debian package that brings it.
needs() {
    case "$1" in
        build)
            echo "command -v cc|gcc"
            ;;
        c)
            echo "command -v cc|gcc"
            echo "test -e /usr/include/jansson.h|libjansson-dev"
            echo "command -v valgrind|valgrind"
            echo "command -v nm|binutils"
            ;;
        cpp)
            echo "command -v g++|g++"
            echo "command -v clang++|clang"
            echo "test -e /usr/include/nlohmann/json.hpp|nlohmann-json3-dev"
            ;;
        php)
            echo "command -v cc|gcc"
            echo "test -e /usr/include/stdio.h|libc6-dev"
            echo "command -v php|php-cli"
            echo "php -m | grep -qx FFI|php-common"
            echo "php -m | grep -qx pdo_sqlite|php-sqlite3"
            echo "php -m | grep -qx dom|php-xml"
            echo "php -m | grep -qx mbstring|php-mbstring"
            echo "ls /usr/sbin/php-fpm*|php-fpm"
            echo "command -v nginx || test -x /usr/sbin/nginx|nginx-light"
            echo "command -v phpunit|phpunit"
            echo "command -v setpriv|util-linux"
            ;;
        python)
            echo "command -v python3|python3"
            echo "python3 -c 'import ensurepip'|python3-venv"
            ;;
        bench)
            echo "command -v g++|g++"
            echo "command -v nginx || test -x /usr/sbin/nginx|nginx-light"
            echo "command -v openssl|openssl"
            echo "command -v curl-config|libcurl4-openssl-dev"
            echo "test -e /usr/include/simdjson.h|libsimdjson-dev"
            echo "test -e /etc/ssl/certs/ca-certificates.crt|ca-certificates"
            echo "command -v php|php-cli"
            echo "php -m | grep -qx FFI|php-common"
            echo "php -m | grep -qx curl|php-curl"
            echo "command -v python3|python3"
            echo "python3 -c 'import ensurepip'|python3-venv"
            echo "command -v valgrind|valgrind"
            echo "command -v strip|binutils"
            ;;
        *)
            echo "setup.sh: no such need: $1" >&2
            exit 2
            ;;
    esac
}

missing=()
for need in "$@"; do
    while IFS= read -r line; do
        package=${line##*|}
        test=${line%|*}
        if ! bash -c "$test" >/dev/null 2>&1; then
            missing+=("$package")
        fi
    done < <(needs "$need")
done
[ ${#missing[@]} -eq 0 ] && exit 0

mapfile -t missing < <(printf '%s\n' "${missing[@]}" | sort -u)
if ! command -v apt-get >/dev/null; then
    echo "Please install what these Debian packages hold: ${missing[*]}" >&2
    exit 1
fi
as_root=()
[ "$(id -u)" -eq 0 ] || as_root=(sudo)
echo "Installing ${missing[*]}" >&2
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
