#!/usr/bin/env bash
# Writes what is in the binaries, in the CycloneDX format, into build/dist: one file each for the library, the program
# and the sandbox. They name every crate with its version, licence and checksum, for all platforms.
#
#   packaging/sbom.sh
set -euo pipefail
cd "$(dirname "$0")/.."
. packaging/common.sh

tool=$PWD/build/tools/cyclonedx
[ -x "$tool/bin/cargo-cyclonedx" ] ||
    cargo install --quiet --locked --root "$tool" cargo-cyclonedx@0.5.9
# It writes beside each Cargo.toml.
PATH=$tool/bin:$PATH cargo cyclonedx --format json --target all --override-filename sbom.cdx --quiet
for crate in .:libflexpay cli:flexpay sandbox:flexpay-sandbox; do
    # Its references to the crates of this workspace contain the path of this folder.
    sed "s|path+file://$PWD|path+file:///flexpay|g" "${crate%%:*}/sbom.cdx.json" \
        >"$dist/${crate#*:}-$version.cdx.json"
    echo "$dist/${crate#*:}-$version.cdx.json"
done
find . -name sbom.cdx.json -not -path './build/*' -delete
