#!/usr/bin/env bash
# Installs the Debian packages that the given tasks require, if they are missing.
#
#   scripts/setup.sh TASK…
#
#   build                 the library, the sandbox, the examples
#   rust                  the tests of the crate and the sandbox
#   c, cpp, php, python   the tests of each language
#   abi                   `make abi`
#   cli                   the tests of the program flexpay, and of the examples in Node and Free Pascal
#   dist-php              the Composer archive, and its check
#   debian                `make test-debian`, `make test-setup` and `make test-readme`
#   crash                 `make test-crash` and `make crash`
#   dist-python           the Python packages, and their tests (packaging/check/wheels.sh)
#   windows               `make test-windows`
#   fuzz, soak, bench, platforms, dist, release-check, check-pages   the make targets with these names
#
# On a system without apt it prints what is missing, and fails. `make test-setup` tests this list in a
# clean Debian; `make test-debian` tests that the list is complete.
set -euo pipefail

# Prints what a task requires, one line each: a test command, "|", and the Debian packages that make it
# pass. The tests do more than look for a command: headers, sanitizers and extensions are in separate
# packages.
requirements() {
    case "$1" in
        build)
            echo "compile c cc -pthread -ldl -lm|gcc libc6-dev"
            ;;
        rust)
            requirements build
            # The program /usr/bin/kill, not the shell's builtin.
            echo "type -P kill|procps"
            ;;
        c)
            requirements build
            echo "compile c cc -fsanitize=address,undefined|gcc"
            echo "compile_with_header jansson.h c cc -ljansson|libjansson-dev"
            # Valgrind runs no program if it cannot read the symbols of the dynamic linker.
            echo "valgrind --quiet --error-exitcode=9 true|valgrind"
            echo "nm --version && readelf --version && strip --version|binutils"
            echo "pkg-config --version|pkg-config"
            echo "cmake --version && make --version|cmake make"
            ;;
        abi)
            requirements build
            echo "python3 -c 'import unittest'|python3"
            echo "nm --version && readelf --version|binutils"
            echo "abidw --version && abidiff --version|abigail-tools"
            # The layout of the structs on Windows is computed by its compilers.
            echo "compile_only x86_64-w64-mingw32-gcc|gcc-mingw-w64-x86-64-win32"
            echo "compile_only i686-w64-mingw32-gcc|gcc-mingw-w64-i686-win32"
            ;;
        cpp)
            requirements build
            echo "compile c++ g++ -pthread|g++"
            echo "compile c++ g++ -fsanitize=address,undefined|g++"
            echo "compile c++ clang++ -pthread|clang g++"
            echo "compile c++ clang++ -fsanitize=address,undefined|CLANG_SANITIZERS"
            echo "compile_with_header nlohmann/json.hpp c++ g++|nlohmann-json3-dev"
            echo "pkg-config --version|pkg-config"
            # For the example callback_server.
            echo "compile_with_header httplib.h c++ g++ \$(pkg-config --cflags --libs cpp-httplib) -pthread|libcpp-httplib-dev"
            # For its test, which reads the journal.
            echo "python3 -c 'import sqlite3'|python3"
            # For the script that compares the results of the vectors.
            echo "python3 -c 'import json'|python3"
            ;;
        php)
            requirements build
            echo "php -v|php-cli"
            echo "php -m | grep -x FFI|php-common"
            echo "php -m | grep -x 'Zend OPcache'|php-cli"
            echo "php -m | grep -x pcntl && php -m | grep -x posix|php-cli"
            echo "php -m | grep -x pdo_sqlite|php-sqlite3"
            echo "php -m | grep -x pdo_mysql|php-mysql"
            echo "php -m | grep -x pdo_pgsql|php-pgsql"
            requirements databases
            echo "php -m | grep -x dom && php -m | grep -x xmlwriter|php-xml"
            echo "php -m | grep -x mbstring|php-mbstring"
            echo "fpm -v|php-fpm"
            echo "/usr/sbin/nginx -v || nginx -v|nginx-light"
            echo "phpunit --version|phpunit"
            echo "setpriv --version && unshare --version|util-linux"
            echo "mount --version|mount"
            # For tests/soak.
            echo "openssl version|openssl"
            echo "python3 -c 'import http.client'|python3"
            # To verify the packages of PHP 7.4.
            echo "test -e /usr/share/keyrings/debian-archive-keyring.gpg|debian-archive-keyring"
            ;;
        python)
            requirements build
            # Its tests call gcc by this name.
            echo "compile c gcc|gcc libc6-dev"
            echo "python3 -c 'import ssl, sqlite3, ctypes'|python3"
            requirements databases
            echo "python3 -c 'import ensurepip, venv'|python3-venv"
            ;;
        databases)
            # For the journal in a shop's database. The tests start their own servers.
            echo "/usr/sbin/mariadbd --version && type -P mariadb-install-db|mariadb-server"
            echo "compgen -G '/usr/lib/postgresql/*/bin/initdb'|postgresql"
            ;;
        cli)
            requirements build
            echo "type -P kill|procps"
            # Node 18 or later.
            echo "node -e 'process.exit(parseInt(process.versions.node) >= 18 ? 0 : 1)'|nodejs"
            echo "compile_pascal|fp-compiler fp-units-fcl"
            ;;
        fuzz)
            requirements build
            # libFuzzer is C++.
            echo "compile c++ c++|g++"
            echo "nm --version|binutils"
            echo "python3 -c 'import json'|python3"
            ;;
        crash)
            requirements build
            # It must be permitted to trace.
            echo "strace -o /dev/null -e inject=getppid:retval=1 true|strace"
            echo "unshare --version|util-linux"
            echo "mount --version|mount"
            ;;
        soak)
            requirements php
            echo "unshare --mount true|util-linux"
            ;;
        bench)
            requirements build
            echo "compile c++ g++ -pthread|g++"
            echo "/usr/sbin/nginx -v || nginx -v|nginx-light"
            echo "openssl version|openssl"
            echo "compile_with_header curl/curl.h c cc -lcurl|libcurl4-openssl-dev"
            echo "compile_with_header simdjson.h c++ g++ -lsimdjson|libsimdjson-dev"
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
        platforms)
            requirements build
            echo "python3 -c 'import ensurepip, venv'|python3-venv"
            # The DLLs, and what programs are linked with to use them.
            echo "compile_only x86_64-w64-mingw32-gcc|gcc-mingw-w64-x86-64"
            echo "compile_only i686-w64-mingw32-gcc|gcc-mingw-w64-i686"
            echo "type -P llvm-dlltool|llvm"
            echo "git --version|git"
            ;;
        dist)
            requirements build
            echo "git --version|git"
            echo "zip --version|zip"
            echo "type -P dh && dpkg-buildpackage --version|debhelper"
            # The symbols of a package for another processor.
            echo "aarch64-linux-gnu-objdump --version|binutils-aarch64-linux-gnu"
            echo "arm-linux-gnueabihf-objdump --version|binutils-arm-linux-gnueabihf"
            ;;
        release-check)
            requirements c
            requirements debian
            requirements windows
            requirements dist-php
            requirements dist-python
            echo "lintian --version|lintian"
            echo "curl --version|curl"
            echo "make --version|make"
            # Other processors, and compilers for them.
            echo "qemu-aarch64-static --version && qemu-arm-static --version|qemu-user-static"
            echo "aarch64-linux-gnu-gcc --version|gcc-aarch64-linux-gnu libc6-dev-arm64-cross"
            echo "arm-linux-gnueabihf-gcc --version|gcc-arm-linux-gnueabihf libc6-dev-armhf-cross"
            echo "test -e /lib/ld-musl-x86_64.so.1|musl"
            ;;
        dist-php)
            # packaging/composer.sh and its check.
            echo "git --version|git"
            echo "python3 -c 'import zipfile'|python3"
            echo "composer --version|composer"
            echo "unzip -v|unzip"
            echo "php -m | grep -x zip|php-zip"
            echo "php -m | grep -x FFI|php-common"
            echo "php -m | grep -x 'Zend OPcache' && php -m | grep -x posix|php-cli"
            echo "fpm -v|php-fpm"
            echo "/usr/sbin/nginx -v || nginx -v|nginx-light"
            echo "setpriv --version|util-linux"
            echo "cmp --version|diffutils"
            # For the PHP of Windows.
            echo "wine --version|wine wine64"
            echo "python3 -c 'import ensurepip, venv'|python3-venv"
            ;;
        dist-python)
            # cargo builds the sdist.
            requirements build
            echo "git --version|git"
            echo "python3 -c 'import ensurepip, venv'|python3-venv"
            echo "compile c musl-gcc|musl-tools"
            echo "x86_64-w64-mingw32-gcc --version|gcc-mingw-w64-x86-64"
            echo "wine --version|wine wine64"
            echo "qemu-aarch64-static --version|qemu-user-static"
            ;;
        windows)
            requirements build
            # For packaging/build.sh, which installs Zig.
            echo "python3 -c 'import ensurepip, venv'|python3-venv"
            echo "compile_for_windows x86_64 run|gcc-mingw-w64-x86-64 wine wine64"
            echo "compile_for_windows i686|gcc-mingw-w64-i686"
            echo "compile_cxx_for_windows x86_64|g++-mingw-w64-x86-64-posix"
            echo "compile_cxx_for_windows i686|g++-mingw-w64-i686-posix"
            echo "type -P llvm-dlltool llvm-readobj llvm-nm llvm-strip|llvm"
            echo "lld-link --version|lld"
            echo "compile_with_header nlohmann/json.hpp c++ g++|nlohmann-json3-dev g++"
            # For the Debian with the 32 bit Wine.
            echo "command -v debootstrap|debootstrap"
            echo "unshare --version|util-linux"
            echo "mount --version|mount"
            ;;
        check-pages)
            echo "npm --version && node --version|npm"
            echo "curl --version|curl"
            echo "chromium --version|chromium"
            ;;
        debian)
            echo "command -v debootstrap|debootstrap"
            echo "unshare --version|util-linux"
            echo "git --version|git"
            ;;
        *)
            echo "setup.sh: no such task: $1" >&2
            exit 2
            ;;
    esac
}

# compile LANGUAGE COMPILER [FLAG…]: compiles, links and runs a small program.
compile() {
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

# compile_with_header HEADER LANGUAGE COMPILER [FLAG…]: the same, for a program that includes HEADER.
compile_with_header() {
    local header=$1
    shift
    compile "$@"
}

# compile_only COMPILER: compiles a small program with an included header, for a system that is not this one.
compile_only() {
    printf '%s\n' '#include <stdint.h>' 'int32_t small;' | "$1" -x c -S -o /dev/null -
}

# compile_for_windows x86_64|i686 [run]: compiles and links a small program, and runs it under Wine.
compile_for_windows() {
    echo '#include <windows.h>
int main(void) { return GetCurrentProcessId() == 0; }' >"$work/windows.c"
    "$1-w64-mingw32-gcc" "$work/windows.c" -o "$work/windows.exe" || return
    [ $# -eq 1 ] || (
        export WINEPREFIX=$work/wine WINEDEBUG=-all WINEDLLOVERRIDES='mscoree,mshtml='
        # Wine's services would still write to the folder when it is removed.
        wine "$work/windows.exe" && wineserver -k
    )
}

# The same in C++, with threads, which only one of mingw's two variants has.
compile_cxx_for_windows() {
    echo '#include <thread>
int main() { std::thread([] {}).join(); }' >"$work/windows.cpp"
    "$1-w64-mingw32-g++-posix" "$work/windows.cpp" -o "$work/windows.exe" -static
}

# Compiles, links and runs a Pascal program that uses the units of the examples.
compile_pascal() {
    echo 'program Small; uses Process, fpjson, jsonparser; begin WriteLn(TJSONObject.Create.AsJSON); end.' \
        >"$work/small.pas"
    fpc "-FE$work" "$work/small.pas" && "$work/small"
}

# Runs PHP-FPM of any version. Its folder is usually not in a user's PATH.
fpm() {
    local found
    found=$(compgen -G '/usr/sbin/php-fpm*' | head -n 1) && "$found" "$@"
}

# Prints the name of the package with clang's sanitizer libraries: it contains the version of clang.
clang_sanitizers() {
    local major
    major=$(clang++ -dumpversion 2>/dev/null | cut -d . -f 1) || true
    [ -n "$major" ] ||
        major=$(apt-cache depends clang | sed -n 's/.*Depends: clang-\([0-9]*\)$/\1/p' | head -n 1)
    echo "libclang-rt-$major-dev"
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Runs the tests of the tasks. Sets `missing` (packages) and `broken` (tests that failed).
run_tests() {
    local list line test
    # Each test once: a task may include another.
    list=$(for task in "$@"; do requirements "$task" || exit; done | awk '!seen[$0]++')
    missing=() broken=()
    while IFS= read -r line; do
        test=${line%|*}
        # </dev/null: a test must not read from the list.
        if ! (eval "$test") >"$work/output" 2>&1 </dev/null; then
            read -ra packages <<<"${line##*|}"
            missing+=("${packages[@]}")
            broken+=("$test: $(head -n 3 "$work/output")")
        fi
    done <<<"$list"
}

[ $# -gt 0 ] || exit 0
run_tests "$@"
[ ${#missing[@]} -gt 0 ] || exit 0

mapfile -t missing < <(printf '%s\n' "${missing[@]}" | sort -u)
if ! command -v apt-get >/dev/null; then
    echo "Please install the contents of these Debian packages: ${missing[*]}" >&2
    exit 1
fi
as_root=()
[ "$(id -u)" -eq 0 ] || as_root=(sudo)
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get update -qq
for i in "${!missing[@]}"; do
    [ "${missing[i]}" != CLANG_SANITIZERS ] || missing[i]=$(clang_sanitizers)
done
# Debian starts the servers that it installs, MariaDB for example. This is how to tell it not to.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap '"${as_root[@]}" rm -f "$policy"; rm -rf "$work"' EXIT
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
    "${as_root[@]}" chmod 755 "$policy"
fi
echo "Installing ${missing[*]}" >&2
"${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null

# A package may be installed and still not work. Fail here, not in a later test.
run_tests "$@"
if [ ${#broken[@]} -gt 0 ]; then
    echo "setup.sh: these still fail after the installation:" >&2
    printf '  %s\n' "${broken[@]}" >&2
    exit 1
fi
