#!/usr/bin/env bash
# Tests the archive of a Linux platform: what the library requires, the whole C suite with it, and the programs. For
# arm64 also the Python and PHP suites. Another processor is emulated (qemu). As root.
#
#   packaging/check/linux.sh PLATFORM
#
# SANDBOX_BIN   the gateway for the tests, a program of this machine (that of its platform in build/platforms)
set -euo pipefail
cd "$(dirname "$0")/../.."
. packaging/common.sh
platform=$1
sandbox=$(realpath "${SANDBOX_BIN:-$native/bin/flexpay-sandbox}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tar -C "$work" -xzf "$dist/flexpay-$version-$platform.tar.gz"
package=$work/flexpay-$version-$platform
tools=build/tests/$platform
mkdir -p "$tools"

fail() {
    echo "$platform: $1" >&2
    exit 1
}

# A compiler for the platform with jansson, which the conformance test reads the vectors with: the Debian of that
# processor has it. Its folder is also where qemu finds the C library.
use_debian() {
    local architecture=$1 root
    root=$PWD/build/roots/$architecture
    packaging/root.sh "$architecture" libc6-dev libjansson-dev "${@:3}"
    export CC=$2 CFLAGS="-g --sysroot=$root" QEMU_LD_PREFIX=$root
}

# Zig has musl. Debian has no jansson for it: this is the same source.
use_musl() {
    local processor=$1
    printf '#!/bin/sh\nexec %s cc -target %s-linux-musl -dynamic "$@"\n' \
        "$PWD/build/tools/zig/bin/python -m ziglang" "$processor" >"$tools/cc"
    chmod +x "$tools/cc"
    export CC=$PWD/$tools/cc
    if [ ! -e "$tools/jansson/lib/libjansson.a" ]; then
        packaging/check/jansson.sh "$processor-linux-musl" "$PWD/$tools/jansson" >"$tools/jansson.log" 2>&1 ||
            { tail -n 20 "$tools/jansson.log" >&2; fail "jansson was not built"; }
    fi
    export CFLAGS="-g -I$PWD/$tools/jansson/include -L$PWD/$tools/jansson/lib"
}

case $platform in
    linux-x86_64) ;;
    linux-aarch64) use_debian arm64 aarch64-linux-gnu-gcc python3 python3-pytest php-cli php-xml php-mbstring phpunit ;;
    linux-armv7) use_debian armhf arm-linux-gnueabihf-gcc ;;
    linux-musl-x86_64) use_musl x86_64 ;;
    linux-musl-aarch64)
        # The root has musl's dynamic linker.
        packaging/root.sh arm64 libc6-dev libjansson-dev python3 python3-pytest php-cli php-xml php-mbstring phpunit musl
        export QEMU_LD_PREFIX=$PWD/build/roots/arm64
        use_musl aarch64
        ;;
    *) fail "is not a platform of this script" ;;
esac

NM=$(rustc --print sysroot)/lib/rustlib/$(rustc -vV | sed -n 's/^host: //p')/bin/llvm-nm
export NM
for file in "$package/lib/libflexpay.so.$major" "$package/bin/flexpay"; do
    # A name without an "@" has no version; musl's have none.
    newest=$("$NM" -D --undefined-only "$file" | grep -oE 'GLIBC_[0-9.]+' | sort -uV | tail -n 1 || true)
    case $platform in
        linux-musl-*) [ -z "$newest" ] || fail "$file requires $newest: it is for musl" ;;
        *) [ "$(printf '%s\nGLIBC_2.17\n' "$newest" | sort -V | tail -n 1)" = GLIBC_2.17 ] || fail "$file requires $newest" ;;
    esac
    echo "$platform: ${file##*/} requires ${newest:-no glibc}"
done
scripts/check-library.sh include/flexpay.h "$package/lib/libflexpay.so.$major"

[ "$("$package/bin/flexpay" version)" = "flexpay $version" ] || fail "the program does not run"
[ "$("$package/bin/flexpay-sandbox" --version)" = "flexpay-sandbox $version" ] || fail "the sandbox does not run"
echo "$platform: flexpay and flexpay-sandbox run"

FLEXPAY_LIB_DIR=$package/lib SANDBOX_BIN=$sandbox BUILD_DIR=$tools tests/c/run.sh plain
[ "$platform" != linux-aarch64 ] ||
    SANDBOX_BIN=$native/bin/flexpay-sandbox packaging/check/bindings-in-root.sh arm64 "$package"
