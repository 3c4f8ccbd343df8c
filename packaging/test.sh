#!/usr/bin/env bash
# The short form of `make dist` and `make release-check`: makes the packages of this machine's platform from what
# `make build cli sandbox` built, and uses them. They are not for other machines.
#
# FLEXPAY_LIB_DIR   the folder with the built library (build/lib)
# FLEXPAY_PROGRAM   the built program (build/bin/flexpay)
# SANDBOX_BIN       the built sandbox (target/debug/flexpay-sandbox)
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export PLATFORMS_DIR=$work/platforms DIST_DIR=$work/dist
. packaging/common.sh
platform=linux-$(uname -m)

mkdir -p "$native/lib" "$native/bin"
cp -P "${FLEXPAY_LIB_DIR:-build/lib}"/libflexpay* "$native/lib/"
strip -o "$native/bin/flexpay" "${FLEXPAY_PROGRAM:-build/bin/flexpay}"
strip -o "$native/bin/flexpay-sandbox" "${SANDBOX_BIN:-target/debug/flexpay-sandbox}"

packaging/archives.sh "$platform"
packaging/sandbox.sh "$platform"
packaging/debs.sh "$platform"
mkdir "$work/elsewhere" "$work/root"
tar -C "$work/elsewhere" -xzf "$dist/flexpay-$version-$platform.tar.gz"
scripts/test-prefix.sh "$work/elsewhere/flexpay-$version-$platform" "$version"
for package in "$dist"/*.deb; do
    dpkg-deb --extract "$package" "$work/root"
done
for file in "lib/$(dpkg-architecture -q DEB_HOST_MULTIARCH)/libflexpay.so.$major" include/flexpay.h bin/flexpay \
    bin/flexpay-sandbox lib/systemd/user/flexpay-sandbox.service share/man/man1/flexpay-pay.1.gz; do
    [ -e "$work/root/usr/$file" ] || { echo "test.sh: no Debian package has $file" >&2; exit 1; }
done

# The same bytes again.
mkdir "$work/first"
mv "$dist"/* "$work/first/"
packaging/archives.sh "$platform" >/dev/null
packaging/sandbox.sh "$platform" >/dev/null
packaging/debs.sh "$platform" >/dev/null
diff -r "$work/first" "$dist" || { echo "test.sh: the packages are different when they are made again" >&2; exit 1; }
echo "packages: made twice, with the same bytes; programs are compiled with them"
