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

fail() {
    echo "$platform: $1" >&2
    exit 1
}

. packaging/check/compiler.sh
use_compiler "$platform"

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

# The doctor loads the library. A static program could not.
readelf -l "$package/bin/flexpay" | grep -q INTERP || fail "flexpay is static"
[ "$("$package/bin/flexpay" version)" = "flexpay $version" ] || fail "the program does not run"
[ "$("$package/bin/flexpay-sandbox" --version)" = "flexpay-sandbox $version" ] || fail "the sandbox does not run"
echo "$platform: flexpay and flexpay-sandbox run"

FLEXPAY_LIB_DIR=$package/lib SANDBOX_BIN=$sandbox BUILD_DIR=$PWD/build/tests/$platform tests/c/run.sh plain
[ "$platform" != linux-aarch64 ] ||
    SANDBOX_BIN=$native/bin/flexpay-sandbox packaging/check/bindings-in-root.sh arm64 "$package"
