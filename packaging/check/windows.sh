#!/usr/bin/env bash
# Tests the archive of a Windows platform under Wine: imports and exports, the C and C++ suites, the tills, the program
# and the sandbox (tests/windows/run.sh).
#
#   packaging/check/windows.sh windows-x86_64|windows-i686
#
# SANDBOX_BIN   the gateway for the tests, a program of this machine (that of its platform in build/platforms)
set -euo pipefail
cd "$(dirname "$0")/../.."
. packaging/common.sh
platform=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

(cd "$work" && unzip -q "$dist/flexpay-$version-$platform.zip")
package=$work/flexpay-$version-$platform
# As packaging/build.sh has them. What panics is not in the archive.
mkdir -p "$work/platforms/$platform"
cp -r "$package/lib" "$package/bin" "$work/platforms/$platform/"
cp "$package/bin/flexpay.dll" "$work/platforms/$platform/lib/"
cp -r "$platforms_dir/$platform/panics" "$work/platforms/$platform/" 2>/dev/null || true
SANDBOX_BIN=${SANDBOX_BIN:-$native/bin/flexpay-sandbox} PLATFORMS_DIR=$work/platforms tests/windows/run.sh "${platform#windows-}"
