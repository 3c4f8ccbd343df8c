#!/usr/bin/env bash
# Builds jansson, which the C conformance test reads the vectors with, for a C library that Debian does not have it for.
#
#   packaging/check/jansson.sh HOST FOLDER      CC: the compiler for HOST
set -euo pipefail
host=$1
to=$2
mirror=$("$(dirname "$0")/../../scripts/debian-mirror.sh" bookworm)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
curl --fail --silent --show-error --location -o jansson.tar.gz "${mirror%/}/pool/main/j/jansson/jansson_2.14.orig.tar.gz"
echo "c739578bf6b764aa0752db9a2fdadcfe921c78f1228c7ec0bb47fa804c55d17b  jansson.tar.gz" | sha256sum --check --quiet
tar --strip-components=1 -xzf jansson.tar.gz
./configure --host="$host" --prefix="$to" --disable-shared --quiet
make --silent install
