#!/usr/bin/env bash
# Uses what `scripts/setup.sh NEED` installed, as the tests use it; in a bare root, for bare.sh.
#
#   scripts/bare-use.sh NEED
#
# Apart from setup.sh's own tests: what those overlook is to be found here.
set -euo pipefail
need=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
used=()

# use NAME COMMAND…
use() {
    local name=$1
    shift
    if ! "$@" >said 2>&1 </dev/null; then
        cat said
        echo "does not work: $name ($*)"
        exit 1
    fi
    used+=("$name")
}

# compiled NAME COMPILER… SOURCE…: and run.
compiled() {
    local name=$1
    shift
    use "$name" "$@" -o program
    use "$name, run" ./program
}

# finds NAME FAULT COMPILER… SOURCE…: the program must end with a word about its fault.
finds() {
    local name=$1 fault=$2
    shift 2
    use "$name" "$@" -o faulty
    if ./faulty >said 2>&1 || ! grep "$fault" said >/dev/null; then
        cat said
        echo "$name did not find the fault"
        exit 1
    fi
}

# The sanitizers are in the program, and see.
sanitizers() {
    local compiler=$1 source=$2
    compiled "$compiler, sanitized" "$compiler" -g -fsanitize=address,undefined -fno-sanitize-recover=all \
        -fno-omit-frame-pointer "$source" -pthread
    finds "$compiler, address" AddressSanitizer "$compiler" -g -fsanitize=address heap.c
    finds "$compiler, undefined" 'runtime error' "$compiler" -g -fsanitize=undefined \
        -fno-sanitize-recover=all overflow.c
}

cat >plain.c <<'END'
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
static void *idle(void *nothing) { return nothing; }
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
# Of both languages.
cat >heap.c <<'END'
#include <stdlib.h>
int main(int argc, char **argv) {
    char *bytes = (char *)malloc(4);
    volatile int at = 3 + argc;
    (void)argv;
    bytes[at] = 1;
    int read = bytes[at];
    free(bytes);
    return read == 2;
}
END
cat >overflow.c <<'END'
int main(int argc, char **argv) {
    volatile int most = 2147483647;
    (void)argv;
    return most + argc == 7;
}
END

linker_of_rust() {
    echo 'fn main() { println!("{}", std::thread::available_parallelism().unwrap()); }' >plain.rs
    use "rustc" rustc plain.rs -o rusted
    use "rustc, run" ./rusted
}

venv() {
    use "python3 -m venv" python3 -m venv venv
    use "pip" venv/bin/pip --disable-pip-version-check install --quiet "$1"
    use "$1" venv/bin/python -c "import $1"
}

php_loads() {
    local extension
    for extension in "$@"; do
        use "php: $extension" php -r "exit(extension_loaded('$extension') ? 0 : 1);"
    done
    use "php: FFI calls" php -d ffi.enable=1 -r 'exit(FFI::cdef("int abs(int);")->abs(-3) === 3 ? 0 : 1);'
}

nginx_serves() {
    local nginx
    nginx=$(command -v nginx || echo /usr/sbin/nginx)
    echo "pid $work/nginx.pid; events {} http { access_log off; server { listen 127.0.0.1:8099 $1; ${2:-} } }" >nginx.conf
    use "nginx" "$nginx" -t -e stderr -c "$work/nginx.conf"
    use "nginx: fastcgi_params" test -s /etc/nginx/fastcgi_params
}

case $need in
    build)
        compiled "cc" cc -std=c99 -pedantic -D_GNU_SOURCE plain.c -pthread -ldl -lm
        linker_of_rust
        ;;
    rust)
        compiled "cc" cc -std=c99 -pedantic -D_GNU_SOURCE plain.c -pthread -ldl -lm
        linker_of_rust
        sleep 60 &
        use "kill" "$(type -P kill)" "$!"
        ;;
    c)
        compiled "cc" cc -std=c99 -D_GNU_SOURCE plain.c -pthread -ldl
        sanitizers cc plain.c
        printf '%s\n' '#include <jansson.h>' \
            'int main(void) { json_t *made = json_object(); json_decref(made); return made == NULL; }' >jansson.c
        compiled "jansson" cc -std=c99 jansson.c -ljansson
        use "cc -g" cc -g plain.c -o plain -pthread
        use "valgrind" valgrind --quiet --leak-check=full --error-exitcode=9 ./plain
        use "cc -g, faulty" cc -g heap.c -o heap
        if valgrind --quiet --error-exitcode=9 ./heap >said 2>&1; then
            echo "valgrind did not find the fault"
            exit 1
        fi
        use "nm" nm program
        use "readelf" readelf -d program
        use "strip" strip -o stripped program
        printf '%s\n' 'Name: x' 'Description: x' 'Version: 1' 'Libs: -lx' >x.pc
        use "pkg-config" env PKG_CONFIG_PATH="$work" pkg-config --libs x
        printf '%s\n' 'cmake_minimum_required(VERSION 3.16)' 'project(plain C)' 'add_executable(plain plain.c)' \
            >CMakeLists.txt
        use "cmake" cmake -B cmake .
        use "cmake --build" cmake --build cmake
        ;;
    cpp)
        printf '%s\n' '#include <nlohmann/json.hpp>' \
            'int main() { return nlohmann::json::parse("[1]").size() != 1; }' >json.cpp
        for compiler in g++ clang++; do
            compiled "$compiler" "$compiler" -std=c++17 -Wall -Werror plain.cpp -pthread
            compiled "$compiler -std=c++20" "$compiler" -std=c++20 plain.cpp -pthread
            compiled "$compiler, nlohmann/json" "$compiler" -std=c++17 json.cpp
            cp heap.c heap.cc && cp overflow.c overflow.cc
            compiled "$compiler, sanitized" "$compiler" -std=c++17 -g -O1 -fsanitize=address,undefined \
                -fno-sanitize-recover=all plain.cpp -pthread
            finds "$compiler, address" AddressSanitizer "$compiler" -g -fsanitize=address,undefined heap.cc
            finds "$compiler, undefined" 'runtime error' "$compiler" -g -fsanitize=address,undefined \
                -fno-sanitize-recover=all overflow.cc
        done
        printf '%s\n' '#include <httplib.h>' '#include <sqlite3.h>' \
            'int main() { httplib::Server server; return sqlite3_libversion()[0] != 51; }' >server.cpp
        # shellcheck disable=SC2046 # several options
        compiled "cpp-httplib, sqlite3" g++ -std=c++17 server.cpp $(pkg-config --cflags --libs cpp-httplib sqlite3) -pthread
        use "python3" python3 -c 'import argparse, json, pathlib, sqlite3, urllib.request'
        ;;
    php)
        compiled "cc" cc plain.c -pthread
        php_loads FFI pdo_sqlite dom xmlwriter mbstring pcntl posix tokenizer json 'Zend OPcache'
        use "phpunit" phpunit --version
        use "php: sqlite" php -r '(new PDO("sqlite::memory:"))->exec("CREATE TABLE t (x)");'
        printf '%s\n' '[global]' 'error_log = /dev/null' '[www]' 'user = www-data' "listen = $work/fpm.sock" \
            'pm = static' 'pm.max_children = 1' >fpm.conf
        use "php-fpm" "$(compgen -G '/usr/sbin/php-fpm*' | head -n 1)" -t -y "$work/fpm.conf"
        nginx_serves ""
        use "setpriv" setpriv --reuid=www-data --regid=www-data --clear-groups true
        # PHP 7.4, as the tests fetch it.
        use "php74.sh" /src/php74.sh "$work/php74"
        # shellcheck disable=SC2016 # for the shell inside
        use "PHP 7.4" bash -c '. "$1/env" && "$PHP74" -r "exit(extension_loaded(\"FFI\") ? 0 : 1);"' - "$work/php74"
        ;;
    python)
        use "gcc" gcc -shared -fPIC -xc plain.c -o plain.so
        use "ctypes" python3 -c "import ctypes; ctypes.CDLL('$work/plain.so')"
        venv pytest
        ;;
    fuzz)
        compiled "c++" c++ plain.cpp -pthread
        use "nm" nm program
        use "python3" python3 -c 'import json, pathlib'
        # The compiler brings the sanitizer's part itself.
        echo 'fn main() {}' >plain.rs
        use "rustc, sanitized" env RUSTC_BOOTSTRAP=1 rustc -Zsanitizer=address plain.rs -o rusted
        use "rustc, sanitized, run" ./rusted
        ;;
    bench)
        printf '%s\n' '#include <curl/curl.h>' 'int main(void) { return curl_easy_init() == NULL; }' >curl.c
        compiled "libcurl" cc curl.c -lcurl
        printf '%s\n' '#include <simdjson.h>' \
            'int main() { simdjson::dom::parser parser; return parser.parse("[1]"_padded).error(); }' >simd.cpp
        sed -i '1a using namespace simdjson;' simd.cpp
        compiled "simdjson" g++ -std=c++17 simd.cpp -lsimdjson
        php_loads FFI curl 'Zend OPcache'
        use "openssl" openssl ecparam -name prime256v1 -genkey -noout -out key.pem
        use "openssl req" openssl req -x509 -new -key key.pem -subj /CN=test -out cert.pem
        nginx_serves ssl "ssl_certificate $work/cert.pem; ssl_certificate_key $work/key.pem; ssl_protocols TLSv1.3;"
        use "certificates" test -s /etc/ssl/certs/ca-certificates.crt
        use "strip" strip -o stripped program
        use "cc" cc -g plain.c -o plain -pthread
        use "valgrind" valgrind --quiet --tool=callgrind --callgrind-out-file=calls ./plain
        venv requests
        ;;
    *)
        echo "bare-use.sh: no such need: $need" >&2
        exit 2
        ;;
esac
echo "${#used[@]} uses"
