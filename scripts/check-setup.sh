#!/usr/bin/env bash
# Uses the packages that `scripts/setup.sh TASK` installed, as the tests of the project use them. Run by
# test-in-debian.sh in a clean Debian.
#
#   scripts/check-setup.sh TASK
#
# Does not use setup.sh's own tests: it must find what those overlook.
set -euo pipefail
task=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
checks=0

# check NAME COMMAND…: COMMAND must succeed.
check() {
    local name=$1
    shift
    if ! "$@" >output 2>&1 </dev/null; then
        cat output
        echo "does not work: $name ($*)"
        exit 1
    fi
    checks=$((checks + 1))
}

# check_compiles NAME COMPILER… SOURCE…: the program must compile and run.
check_compiles() {
    local name=$1
    shift
    check "$name" "$@" -o program
    check "$name, run" ./program
}

# check_reports NAME TEXT COMPILER… SOURCE…: the program must compile, fail, and print TEXT.
check_reports() {
    local name=$1 text=$2
    shift 2
    check "$name" "$@" -o faulty
    if ./faulty >output 2>&1 || ! grep "$text" output >/dev/null; then
        cat output
        echo "$name did not find the error"
        exit 1
    fi
}

# The sanitizers can be linked, and find an error.
check_sanitizers() {
    local compiler=$1 source=$2
    check_compiles "$compiler, sanitized" "$compiler" -g -fsanitize=address,undefined -fno-sanitize-recover=all \
        -fno-omit-frame-pointer "$source" -pthread
    check_reports "$compiler, address" AddressSanitizer "$compiler" -g -fsanitize=address heap.c
    check_reports "$compiler, undefined" 'runtime error' "$compiler" -g -fsanitize=undefined \
        -fno-sanitize-recover=all overflow.c
}

cat >plain.c <<'END'
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
static void *idle(void *argument) { return argument; }
int main(void) {
    pthread_t thread;
    return pthread_create(&thread, NULL, idle, NULL) || pthread_join(thread, NULL) || !dlopen(NULL, RTLD_NOW);
}
END
cat >plain.cpp <<'END'
#include <optional>
#include <string>
#include <thread>
int main() {
    std::optional<std::string> text;
    std::thread([&] { text = "here"; }).join();
    try { throw *text; } catch (const std::string &) { return 0; }
    return 1;
}
END
# Valid in C and in C++.
cat >heap.c <<'END'
#include <stdlib.h>
int main(int argc, char **argv) {
    char *bytes = (char *)malloc(4);
    volatile int index = 3 + argc;
    (void)argv;
    bytes[index] = 1;
    int read = bytes[index];
    free(bytes);
    return read == 2;
}
END
cat >overflow.c <<'END'
int main(int argc, char **argv) {
    volatile int largest = 2147483647;
    (void)argv;
    return largest + argc == 7;
}
END

check_rust() {
    echo 'fn main() { println!("{}", std::thread::available_parallelism().unwrap()); }' >plain.rs
    check "rustc" rustc plain.rs -o rust-program
    check "rustc, run" ./rust-program
}

check_package() {
    check "python3 -m venv" python3 -m venv venv
    check "pip" venv/bin/pip --disable-pip-version-check install --quiet "$1"
    check "$1" venv/bin/python -c "import $1"
}

check_php() {
    local extension
    for extension in "$@"; do
        check "php: $extension" php -r "exit(extension_loaded('$extension') ? 0 : 1);"
    done
    check "php: FFI calls" php -d ffi.enable=1 -r 'exit(FFI::cdef("int abs(int);")->abs(-3) === 3 ? 0 : 1);'
}

# The servers can be started by a user without rights, and the installation has not started any.
check_databases() {
    local as_user=(setpriv --reuid=www-data --regid=www-data --clear-groups) bin
    # shellcheck disable=SC2016 # expanded by the inner shell
    check "no server runs" bash -c '! grep -sxE "mariadbd|postgres" /proc/[0-9]*/comm'
    chmod 755 "$work"
    install -d -o www-data "$work/databases"
    check "mariadb-install-db" "${as_user[@]}" mariadb-install-db --no-defaults "--datadir=$work/databases/mariadb" \
        --skip-test-db
    # Each starts, and ends with its input.
    check "mariadbd" "${as_user[@]}" /usr/sbin/mariadbd --no-defaults "--datadir=$work/databases/mariadb" --bootstrap
    bin=$(compgen -G '/usr/lib/postgresql/*/bin' | tail -n 1)
    check "initdb" "${as_user[@]}" "$bin/initdb" --auth=trust "--pgdata=$work/databases/postgresql"
    check "postgres" "${as_user[@]}" "$bin/postgres" --single -D "$work/databases/postgresql" postgres
}

check_nginx() {
    local nginx
    nginx=$(command -v nginx || echo /usr/sbin/nginx)
    echo "pid $work/nginx.pid; events {} http { access_log off; server { listen 127.0.0.1:8099 $1; ${2:-} } }" >nginx.conf
    check "nginx" "$nginx" -t -e stderr -c "$work/nginx.conf"
    check "nginx: fastcgi_params" test -s /etc/nginx/fastcgi_params
}

case $task in
    build)
        check_compiles "cc" cc -std=c99 -pedantic -D_GNU_SOURCE plain.c -pthread -ldl -lm
        check_rust
        ;;
    rust)
        check_compiles "cc" cc -std=c99 -pedantic -D_GNU_SOURCE plain.c -pthread -ldl -lm
        check_rust
        sleep 60 &
        check "kill" "$(type -P kill)" "$!"
        ;;
    c)
        check_compiles "cc" cc -std=c99 -D_GNU_SOURCE plain.c -pthread -ldl
        check_sanitizers cc plain.c
        printf '%s\n' '#include <jansson.h>' \
            'int main(void) { json_t *object = json_object(); json_decref(object); return object == NULL; }' >jansson.c
        check_compiles "jansson" cc -std=c99 jansson.c -ljansson
        check "cc -g" cc -g plain.c -o plain -pthread
        check "valgrind" valgrind --quiet --leak-check=full --error-exitcode=9 ./plain
        check "cc -g, faulty" cc -g heap.c -o heap
        if valgrind --quiet --error-exitcode=9 ./heap >output 2>&1; then
            echo "valgrind did not find the error"
            exit 1
        fi
        check "nm" nm program
        check "readelf" readelf -d program
        check "strip" strip -o stripped program
        printf '%s\n' 'Name: x' 'Description: x' 'Version: 1' 'Libs: -lx' >x.pc
        check "pkg-config" env PKG_CONFIG_PATH="$work" pkg-config --libs x
        printf '%s\n' 'cmake_minimum_required(VERSION 3.16)' 'project(plain C)' 'add_executable(plain plain.c)' \
            >CMakeLists.txt
        check "cmake" cmake -B cmake .
        check "cmake --build" cmake --build cmake
        ;;
    abi)
        echo 'int shared(int value) { return value; }' >shared.c
        echo 'int shared(long value) { return (int)value; }' >changed.c
        check "cc" cc -g -shared -fPIC shared.c -o shared.so
        check "cc" cc -g -shared -fPIC changed.c -o changed.so
        check "abidw" abidw --out-file shared.abi shared.so
        check "abidiff" abidiff shared.abi shared.so
        if abidiff shared.abi changed.so >output 2>&1; then
            echo "abidiff did not find the change"
            exit 1
        fi
        check "nm" nm -D shared.so
        check "readelf" readelf -d shared.so
        # Compiles for Windows, without running it: size_t tells the two systems apart.
        printf '%s\n' '#include <stddef.h>' '#include <stdint.h>' 'uint8_t size[sizeof(size_t) == BYTES ? 1 : -1];' >size.c
        check "mingw-w64, 64 bit" x86_64-w64-mingw32-gcc -DBYTES=8 -S -o - size.c
        check "mingw-w64, 32 bit" i686-w64-mingw32-gcc -DBYTES=4 -S -o - size.c
        check "python3" python3 -c 'import argparse, contextlib, re, tempfile, unittest'
        ;;
    cpp)
        printf '%s\n' '#include <nlohmann/json.hpp>' \
            'int main() { return nlohmann::json::parse("[1]").size() != 1; }' >json.cpp
        for compiler in g++ clang++; do
            check_compiles "$compiler" "$compiler" -std=c++17 -Wall -Werror plain.cpp -pthread
            check_compiles "$compiler -std=c++20" "$compiler" -std=c++20 plain.cpp -pthread
            check_compiles "$compiler, nlohmann/json" "$compiler" -std=c++17 json.cpp
            cp heap.c heap.cc && cp overflow.c overflow.cc
            check_compiles "$compiler, sanitized" "$compiler" -std=c++17 -g -O1 -fsanitize=address,undefined \
                -fno-sanitize-recover=all plain.cpp -pthread
            check_reports "$compiler, address" AddressSanitizer "$compiler" -g -fsanitize=address,undefined heap.cc
            check_reports "$compiler, undefined" 'runtime error' "$compiler" -g -fsanitize=address,undefined \
                -fno-sanitize-recover=all overflow.cc
        done
        printf '%s\n' '#include <httplib.h>' \
            'int main() { httplib::Server server; return server.is_running(); }' >server.cpp
        # shellcheck disable=SC2046 # several options
        check_compiles "cpp-httplib" g++ -std=c++17 server.cpp $(pkg-config --cflags --libs cpp-httplib) -pthread
        check "python3" python3 -c 'import argparse, json, pathlib, sqlite3, urllib.request'
        ;;
    php)
        check_compiles "cc" cc plain.c -pthread
        check_php FFI pdo_sqlite pdo_mysql pdo_pgsql dom xmlwriter mbstring pcntl posix tokenizer json 'Zend OPcache'
        check "phpunit" phpunit --version
        check "php: sqlite" php -r '(new PDO("sqlite::memory:"))->exec("CREATE TABLE t (x)");'
        printf '%s\n' '[global]' 'error_log = /dev/null' '[www]' 'user = www-data' "listen = $work/fpm.sock" \
            'pm = static' 'pm.max_children = 1' >fpm.conf
        check "php-fpm" "$(compgen -G '/usr/sbin/php-fpm*' | head -n 1)" -t -y "$work/fpm.conf"
        check_nginx ""
        check_databases
        check "setpriv" setpriv --reuid=www-data --regid=www-data --clear-groups true
        # PHP 7.4, downloaded as the tests do.
        check "php74.sh" /src/php74.sh "$work/php74"
        # shellcheck disable=SC2016 # expanded by the inner shell
        check "PHP 7.4" bash -c '. "$1/env" && for name in FFI pdo_mysql pdo_pgsql; do
            "$PHP74" -r "exit(extension_loaded(\"$name\") ? 0 : 1);" || exit 1
        done' - "$work/php74"
        ;;
    dist-php)
        check "git" git --version
        check "python3" python3 -c 'import hashlib, json, pathlib, zipfile'
        check_php FFI posix json zip 'Zend OPcache'
        # A package, installed from an archive without a network.
        mkdir package shop artifacts
        echo '{"name": "a/b", "version": "1.0.0"}' >package/composer.json
        python3 -c 'import shutil; shutil.make_archive("artifacts/b", "zip", "package")'
        echo '{"repositories": [{"type": "artifact", "url": "../artifacts"}, {"packagist.org": false}]}' >shop/composer.json
        check "composer" env COMPOSER_ALLOW_SUPERUSER=1 COMPOSER_DISABLE_NETWORK=1 HOME="$work" \
            composer --working-dir=shop --no-interaction require a/b:1.0.0
        check "the package is there" test -s shop/vendor/a/b/composer.json
        check "unzip" unzip -q artifacts/b.zip -d unpacked
        printf '%s\n' '[global]' 'error_log = /dev/null' '[www]' 'user = www-data' "listen = $work/fpm.sock" \
            'pm = static' 'pm.max_children = 1' >fpm.conf
        check "php-fpm" "$(compgen -G '/usr/sbin/php-fpm*' | head -n 1)" -t -y "$work/fpm.conf"
        check_nginx ""
        check "setpriv" setpriv --reuid=www-data --regid=www-data --clear-groups true
        check "cmp" cmp plain.c plain.c
        check "wine" env WINEPREFIX="$work/wine" WINEDEBUG=-all wine cmd.exe /c exit
        check "python3-venv" python3 -m venv venv
        ;;
    python)
        check "gcc" gcc -shared -fPIC -xc plain.c -o plain.so
        check "ctypes" python3 -c "import ctypes; ctypes.CDLL('$work/plain.so')"
        check_databases
        check_package pytest
        ;;
    dist-python)
        check_compiles "cc" cc -std=c99 -pedantic -D_GNU_SOURCE plain.c -pthread -ldl
        check_rust
        check "git" git --version
        check_package packaging
        check_compiles "musl-gcc" musl-gcc -std=c99 -D_GNU_SOURCE plain.c
        check "musl, not glibc" grep ld-musl program
        echo 'int main(void) { return 42; }' >answer.c
        check "mingw-w64" x86_64-w64-mingw32-gcc answer.c -o answer.exe
        check "wine" env "WINEPREFIX=$work/wine" WINEDEBUG=-all bash -c 'wine answer.exe; [ $? -eq 42 ]'
        check "qemu" qemu-aarch64-static --version
        ;;
    cli)
        check_compiles "cc" cc -std=c99 -pedantic -D_GNU_SOURCE plain.c -pthread -ldl -lm
        check_rust
        sleep 60 &
        check "kill" "$(type -P kill)" "$!"
        printf '%s\n' "import { spawn } from 'node:child_process';" \
            "import { createInterface } from 'node:readline';" \
            "const child = spawn('cat', { stdio: ['pipe', 'pipe', 'inherit'] });" \
            "createInterface({ input: child.stdout }).on('line', (line) => process.exit(line === 'x' ? 0 : 1));" \
            "child.stdin.write('x\\n');" >pipe.mjs
        check "node" node pipe.mjs
        printf '%s\n' 'program Pipe;' '{$mode objfpc}{$H+}' 'uses BaseUnix, Classes, SysUtils, Process, fpjson, jsonparser;' \
            'var Output: string;' \
            'begin' \
            "  RunCommand('echo', ['{\"a\":1}'], Output);" \
            "  Halt(GetJSON(Output).GetPath('a').AsInteger - 1);" \
            'end.' >pipe.pas
        check "fpc" fpc -vew -Sew pipe.pas
        check "fpc, run" ./pipe
        ;;
    crash)
        check_compiles "cc" cc -std=c99 -D_GNU_SOURCE plain.c -pthread -ldl
        check_rust
        # The program is killed at a system call, or the call fails.
        if strace -o trace -e inject=write:signal=KILL sh -c 'echo survived' >output 2>&1 || grep survived output; then
            echo "strace did not kill the program"
            exit 1
        fi
        check "strace, error" strace -o trace -e inject=write:error=EIO true
        if strace -o trace -e inject=write:error=EIO sh -c 'echo survived' >output 2>&1 || grep survived output; then
            echo "strace did not make the call fail"
            exit 1
        fi
        check "a full disk" unshare --mount sh -c \
            'mount -t tmpfs -o size=64k none /mnt && ! head -c 100000 /dev/zero >/mnt/filler'
        ;;
    platforms)
        check_rust
        check_package cargo-zigbuild
        check "git" git --version
        for arch in x86_64 i686; do
            check "$arch-w64-mingw32-gcc" "$arch-w64-mingw32-gcc" -std=c99 -c plain.c -o plain.o
            check "$arch: nm" "$arch-w64-mingw32-nm" plain.o
            check "$arch: objcopy" "$arch-w64-mingw32-objcopy" plain.o
            check "$arch: objdump" "$arch-w64-mingw32-objdump" -p plain.o
            check "$arch: dlltool" "$arch-w64-mingw32-dlltool" --version
        done
        check "llvm-strip" llvm-strip plain.o
        printf '%s\n' 'LIBRARY x.dll' 'EXPORTS' '    x' >x.def
        check "llvm-dlltool" llvm-dlltool -m i386 -d x.def -l x.lib
        ;;
    dist)
        check "git" git --version
        check "zip" zip -X -9 -q plain.zip plain.c
        check "dh" dh_testroot --help
        check "dpkg-buildpackage" dpkg-buildpackage --version
        check "dpkg-architecture" dpkg-architecture -a arm64 -q DEB_HOST_MULTIARCH
        check "arm64" aarch64-linux-gnu-objdump --version
        check "armhf" arm-linux-gnueabihf-objdump --version
        ;;
    release-check)
        check "lintian" lintian --version
        check "curl" curl --version
        check "debootstrap" debootstrap --version
        check_compiles "cc" cc -std=c99 plain.c -pthread
        printf '%s\n' '#include <stdio.h>' 'int main(void) { return puts("it runs") < 0; }' >other.c
        check "arm64" aarch64-linux-gnu-gcc -static other.c -o other
        check "qemu, arm64" qemu-aarch64-static other
        check "armhf" arm-linux-gnueabihf-gcc -static other.c -o other
        check "qemu, armhf" qemu-arm-static other
        check "musl" test -e /lib/ld-musl-x86_64.so.1
        ;;
    windows)
        check_compiles "cc" cc -std=c99 -pedantic -D_GNU_SOURCE plain.c -pthread -ldl -lm
        check_rust
        check "python3 -m venv" python3 -m venv venv
        export WINEPREFIX=$work/wine WINEDEBUG=-all WINEDLLOVERRIDES='mscoree,mshtml='
        # Sockets, certificates and threads, as the tests use them.
        printf '%s\n' '#include <winsock2.h>' '#include <windows.h>' '#include <wincrypt.h>' '#include <pthread.h>' \
            'int main(void) {' \
            '    WSADATA sockets;' \
            '    return WSAStartup(MAKEWORD(2, 2), &sockets) || !CertOpenSystemStoreA(0, "ROOT") || !pthread_self();' \
            '}' >windows.c
        for arch in x86_64 i686; do
            check "$arch-w64-mingw32-gcc" "$arch-w64-mingw32-gcc" -std=c99 windows.c -o "$arch.exe" \
                -lws2_32 -lcrypt32 -Wl,-Bstatic -lpthread -Wl,-Bdynamic
            check "$arch-w64-mingw32-g++-posix" "$arch-w64-mingw32-g++-posix" -std=c++17 plain.cpp \
                -o "$arch-cxx.exe" -static
            check "$arch: nm" "$arch-w64-mingw32-nm" "$arch.exe"
            check "$arch: objcopy" "$arch-w64-mingw32-objcopy" "$arch.exe"
            check "$arch: dlltool" "$arch-w64-mingw32-dlltool" --version
        done
        check "wine, C" wine x86_64.exe
        check "wine, C++" wine x86_64-cxx.exe
        check "wineserver" wineserver -k
        check "llvm-readobj" llvm-readobj --coff-imports x86_64.exe
        check "llvm-nm" llvm-nm x86_64.exe
        check "llvm-strip" llvm-strip x86_64.exe
        printf '%s\n' 'LIBRARY x.dll' 'EXPORTS' '    x' >x.def
        check "llvm-dlltool" llvm-dlltool -m i386:x86-64 -d x.def -l x.lib
        check "lld-link" lld-link --version
        printf '%s\n' '#include <nlohmann/json.hpp>' \
            'int main() { return nlohmann::json::parse("[1]").size() != 1; }' >json.cpp
        check_compiles "nlohmann/json" g++ -std=c++17 json.cpp
        check "debootstrap" debootstrap --version
        check "unshare, mount" unshare --mount mount --bind "$work" /mnt
        ;;
    fuzz)
        check_compiles "c++" c++ plain.cpp -pthread
        check "nm" nm program
        check "python3" python3 -c 'import json, pathlib'
        # The sanitizer library is part of the compiler.
        echo 'fn main() {}' >plain.rs
        check "rustc, sanitized" env RUSTC_BOOTSTRAP=1 rustc -Zsanitizer=address plain.rs -o rust-program
        check "rustc, sanitized, run" ./rust-program
        ;;
    bench)
        printf '%s\n' '#include <curl/curl.h>' 'int main(void) { return curl_easy_init() == NULL; }' >curl.c
        check_compiles "libcurl" cc curl.c -lcurl
        printf '%s\n' '#include <simdjson.h>' \
            'int main() { simdjson::dom::parser parser; return parser.parse("[1]"_padded).error(); }' >simd.cpp
        sed -i '1a using namespace simdjson;' simd.cpp
        check_compiles "simdjson" g++ -std=c++17 simd.cpp -lsimdjson
        check_php FFI curl 'Zend OPcache'
        check "openssl" openssl ecparam -name prime256v1 -genkey -noout -out key.pem
        check "openssl req" openssl req -x509 -new -key key.pem -subj /CN=test -out cert.pem
        check_nginx ssl "ssl_certificate $work/cert.pem; ssl_certificate_key $work/key.pem; ssl_protocols TLSv1.3;"
        check "certificates" test -s /etc/ssl/certs/ca-certificates.crt
        check "strip" strip -o stripped program
        check "cc" cc -g plain.c -o plain -pthread
        check "valgrind" valgrind --quiet --tool=callgrind --callgrind-out-file=calls ./plain
        check_package requests
        ;;
    *)
        echo "check-setup.sh: no such task: $task" >&2
        exit 2
        ;;
esac
echo "$checks checks passed"
