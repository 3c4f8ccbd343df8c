#!/usr/bin/env bash
# Packs the sandbox alone, one archive for each platform that is built, into build/dist. On Linux it is static, so
# the three archives for glibc also serve every other Linux.
#
#   packaging/sandbox.sh PLATFORM…
set -euo pipefail
cd "$(dirname "$0")/.."
. packaging/common.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

for platform in "$@"; do
    case $platform in linux-musl-*) continue ;; esac
    name=flexpay-sandbox-$version-$platform
    mkdir -p "$work/$name"
    cp sandbox/README.md LICENSE-MIT LICENSE-APACHE "$work/$name/"
    cp "build/platforms/$platform/bin/"flexpay-sandbox* "$work/$name/"
    case $platform in
        windows-*) pack_zip "$work" "$name" "$dist/$name.zip" ;;
        *) pack_tar "$work" "$name" "$dist/$name.tar.gz" ;;
    esac
done
