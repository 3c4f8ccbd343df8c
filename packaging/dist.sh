#!/usr/bin/env bash
# Makes all packages of the platforms that are built (packaging/build.sh), in build/dist. SHA256SUMS has the sum of
# each file.
#
#   packaging/dist.sh [PLATFORM…]      all platforms; with names, a part of the packages, for a test
#
# PLATFORMS_DIR, DIST_DIR   instead of build/platforms and build/dist
set -euo pipefail
cd "$(dirname "$0")/.."
. packaging/common.sh
names=("$@")
[ ${#names[@]} -gt 0 ] || mapfile -t names < <(platforms)

for name in "${names[@]}"; do
    [ -d "$platforms_dir/$name" ] || { echo "dist.sh: $name is not built: packaging/build.sh $name" >&2; exit 1; }
done
[ -d "$native" ] || { echo "dist.sh: the man pages are written by the program of this machine: packaging/build.sh ${native##*/}" >&2; exit 1; }

# What is left of an earlier version would be in the sums.
rm -rf "$dist"
mkdir -p "$dist"
packaging/archives.sh "${names[@]}"
packaging/debs.sh "${names[@]}"
packaging/sandbox.sh "${names[@]}"
packaging/wheels.sh "${names[@]}"
packaging/composer.sh "${names[@]}"
packaging/sbom.sh
sums=$(cd "$dist" && find . -maxdepth 1 -type f -printf '%f\n' | LC_ALL=C sort | xargs sha256sum)
echo "$sums" >"$dist/SHA256SUMS"
cat "$dist/SHA256SUMS"
