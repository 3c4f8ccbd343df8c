#!/usr/bin/env bash
# Builds jansson, which the C conformance test reads the vectors with, for a C library that Debian does not have it for.
#
#   packaging/check/jansson.sh FOLDER      CC: the compiler
set -euo pipefail
to=$1
mirror=$("$(dirname "$0")/../../scripts/debian-mirror.sh" bookworm)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
curl --fail --silent --show-error --location -o jansson.tar.gz "${mirror%/}/pool/main/j/jansson/jansson_2.14.orig.tar.gz"
echo "c739578bf6b764aa0752db9a2fdadcfe921c78f1228c7ec0bb47fa804c55d17b  jansson.tar.gz" | sha256sum --check --quiet
tar --strip-components=1 -xzf jansson.tar.gz
cmake -S . -B build -DCMAKE_INSTALL_PREFIX="$to" -DCMAKE_BUILD_TYPE=Release -DCMAKE_C_COMPILER="$CC" \
    -DCMAKE_SYSTEM_NAME=Linux -DJANSSON_BUILD_DOCS=OFF -DJANSSON_EXAMPLES=OFF -DJANSSON_WITHOUT_TESTS=ON
cmake --build build --target install
