#!/usr/bin/env bash
# Packs the library for C and C++ with its headers and programs, one archive for each platform that is built, into
# build/dist: flexpay-VERSION-PLATFORM.tar.gz, or .zip for Windows. An archive can be unpacked anywhere.
#
#   packaging/archives.sh PLATFORM…
set -euo pipefail
cd "$(dirname "$0")/.."
. packaging/common.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

for platform in "$@"; do
    name=flexpay-$version-$platform
    built=$PWD/build/platforms/$platform
    exe=''
    case $platform in windows-*) exe=.exe ;; esac
    PREFIX=/$name DESTDIR=$work VERSION=$version RELOCATABLE=1 STRIP=true \
        FLEXPAY_LIB_DIR=$built/lib SANDBOX_BIN=$built/bin/flexpay-sandbox$exe FLEXPAY_PROGRAM=$built/bin/flexpay$exe \
        RUN_PROGRAM=$native/bin/flexpay RUN_SANDBOX=$native/bin/flexpay-sandbox scripts/install.sh
    cp packaging/archive-readme.md "$work/$name/README.md"
    case $platform in
        windows-*) pack_zip "$work" "$name" "$dist/$name.zip" ;;
        *) pack_tar "$work" "$name" "$dist/$name.tar.gz" ;;
    esac
done
