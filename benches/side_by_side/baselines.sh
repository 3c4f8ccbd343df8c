#!/usr/bin/env bash
#
# baselines.sh FOLDER: installs the libraries that flexpay is compared with, builds the measured
# programs, and writes the file `versions`. Everything goes into FOLDER.
#
# FLEXPAY_LIB_DIR  the folder of libflexpay.so  (build/lib)
# CC, CXX          the compilers                (cc, g++)
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
lib=$(cd "${FLEXPAY_LIB_DIR:-$root/build/lib}" && pwd)
mkdir -p "$1"
folder=$(cd "$1" && pwd)

requests=2.34.2
# The version of the Python package; it contains the sources of yyjson 0.10.0.
yyjson=4.0.6
yyjson_sha256=fcd4dc15c1e39a30bf9fa85d56903029111506860fc3080ab0d81c6c6dacaa8c

"$root/scripts/setup.sh" build bench

venv=$folder/venv
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/python" -c "import requests; assert requests.__version__ == '$requests'" 2>/dev/null ||
    "$venv/bin/pip" install --quiet --disable-pip-version-check "requests==$requests"

sources=$folder/yyjson-$yyjson/yyjson
if [ ! -e "$sources/yyjson.c" ]; then
    "$venv/bin/pip" download --quiet --disable-pip-version-check --no-deps --no-binary :all: \
        --dest "$folder" "yyjson==$yyjson"
    echo "$yyjson_sha256  $folder/yyjson-$yyjson.tar.gz" | sha256sum --check --quiet
    tar -xzf "$folder/yyjson-$yyjson.tar.gz" -C "$folder"
fi

# Compile to bytecode, as pip does when it installs a package such as requests.
rm -rf "$folder/python"
mkdir -p "$folder/python/flexpay"
cp "$root"/bindings/python/flexpay/*.py "$folder/python/flexpay/"
"$venv/bin/python" -m compileall -q "$folder/python"

# All programs with -O2; the two JSON parsers with -O3, as in their own builds.
bin=$folder/bin
mkdir -p "$bin"
flags=(-D_GNU_SOURCE -O2 -Wall -Wextra -Wpedantic -Werror)
c() {
    "${CC:-cc}" -std=c11 "${flags[@]}" -I"$root/include" -isystem "$sources" "$@"
}
flexpay=("-L$lib" "-Wl,-rpath,$lib" -lflexpay)
yyjson_object=$folder/yyjson-$yyjson/yyjson.o
[ -e "$yyjson_object" ] || "${CC:-cc}" -O3 -DNDEBUG -c "$sources/yyjson.c" -o "$yyjson_object"

cd "$here/c"
c launch.c -o "$bin/launch"
c cold.c flexpay_client.c "${flexpay[@]}" -o "$bin/cold_flexpay"
c cold.c curl_client.c fields.c "$yyjson_object" -lcurl -o "$bin/cold_curl"
c -pthread warm.c thread_group.c flexpay_client.c "${flexpay[@]}" -o "$bin/warm_flexpay"
c -pthread warm.c thread_group.c curl_client.c fields.c "$yyjson_object" -lcurl -o "$bin/warm_curl"
c -DVERIFY -pthread warm.c thread_group.c flexpay_client.c "${flexpay[@]}" \
    -o "$bin/warm_flexpay_verify"
c -DNEW_CONNECTIONS -pthread warm.c thread_group.c curl_client.c fields.c "$yyjson_object" -lcurl \
    -o "$bin/warm_curl_new"
c -pthread warm.c thread_group.c bridge_client.c -o "$bin/warm_bridge"
c parse.c flexpay_callback.c "${flexpay[@]}" -o "$bin/parse_flexpay"
c parse.c yyjson_callback.c fields.c "$yyjson_object" -o "$bin/parse_yyjson"
if [ ! -e "$bin/parse_simdjson" ] || [ simdjson_callback.cpp -nt "$bin/parse_simdjson" ]; then
    c -c parse.c -o "$folder/parse.o"
    # -march=native: simdjson uses all instructions of this machine.
    "${CXX:-g++}" -std=c++17 "${flags[@]}" -O3 -march=native -DNDEBUG simdjson_callback.cpp \
        "$folder/parse.o" -lsimdjson -o "$bin/parse_simdjson"
fi

{
    curl-config --version
    sed -n 's/^#define YYJSON_VERSION_STRING *"\(.*\)"/yyjson \1/p' "$sources/yyjson.h"
    sed -n 's/^#define SIMDJSON_VERSION /simdjson /p' /usr/include/simdjson.h
} | paste -sd ' ' >"$folder/versions"
