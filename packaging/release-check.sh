#!/usr/bin/env bash
# Tests every package in build/dist in an empty place, on or under an emulation of the system that it is for. As root;
# takes about an hour. Prints a line for each part.
#
#   packaging/release-check.sh [PART…]
set -euo pipefail
cd "$(dirname "$0")/.."
. packaging/common.sh
parts=(sums lintian bare linux-x86_64 linux-aarch64 linux-armv7 linux-musl-x86_64 linux-musl-aarch64
    windows-x86_64 windows-i686 wheels composer sbom reproducible all-tests)
[ $# -eq 0 ] || parts=("$@")

check() {
    case $1 in
        sums) (cd "$dist" && sha256sum --check --quiet SHA256SUMS) ;;
        lintian) packaging/check/lintian.sh ;;
        bare) scripts/test-in-debian.sh packages ;;
        linux-*) packaging/check/linux.sh "$1" ;;
        windows-*) packaging/check/windows.sh "$1" ;;
        wheels)
            packaging/check/wheels.sh
            packaging/check/wheels.sh foreign manylinux_2_17_aarch64 build/roots/arm64
            ;;
        composer | sbom) "packaging/check/$1.sh" ;;
        reproducible) packaging/check/reproducible.sh linux-x86_64 windows-x86_64 ;;
        all-tests) scripts/test-in-debian.sh all ;;
        *) echo "release-check.sh: there is no part $1" >&2; return 2 ;;
    esac
}

mkdir -p build/logs
failed=()
for part in "${parts[@]}"; do
    started=$SECONDS
    if check "$part" >"build/logs/release-$part.log" 2>&1; then
        echo "passed  $part  $((SECONDS - started)) s  $(tail -n 1 "build/logs/release-$part.log")"
    else
        tail -n 20 "build/logs/release-$part.log" | sed 's/^/    /'
        echo "FAILED  $part  build/logs/release-$part.log"
        failed+=("$part")
    fi
done
echo "${#parts[@]} parts, ${#failed[@]} failed"
[ ${#failed[@]} -eq 0 ]
