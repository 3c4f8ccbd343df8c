#!/usr/bin/env bash
# Makes the Debian packages libflexpay1, libflexpay-dev, flexpay and flexpay-sandbox of each platform that Debian has,
# in build/dist.
#
#   packaging/debs.sh PLATFORM…
set -euo pipefail
cd "$(dirname "$0")/.."
. packaging/common.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# 1.0.0-rc.1 is 1.0.0~rc.1, which is before 1.0.0.
debian_version=${version/-/\~}-1

for platform in "$@"; do
    case $platform in
        linux-x86_64) architecture=amd64 ;;
        linux-aarch64) architecture=arm64 ;;
        linux-armv7) architecture=armhf ;;
        *) continue ;; # not a Debian system
    esac
    source=$work/$architecture/flexpay
    built=$PWD/build/platforms/$platform
    multiarch=$(dpkg-architecture -a "$architecture" -q DEB_HOST_MULTIARCH 2>/dev/null)
    mkdir -p "$source"
    cp -r packaging/debian "$source/debian"
    # "Copyright" and the text, in the form of a Debian file: indented, and a dot for an empty line.
    licence=$(sed '1,2d; s/^$/./; s/^/ /' LICENSE-MIT) \
        perl -0pi -e 's/\@MIT\@\n/$ENV{licence}\n/' "$source/debian/copyright"
    cat >"$source/debian/changelog" <<END
flexpay ($debian_version) unstable; urgency=medium

  * See CHANGELOG.md of version $version.

 -- $(sed -n 's/^Maintainer: //p' packaging/debian/control)  $(LC_ALL=C date -u -R -d "@$SOURCE_DATE_EPOCH")
END
    PREFIX=/usr LIBDIR=lib/$multiarch DESTDIR=$source/debian/tmp VERSION=$version STRIP=true \
        FLEXPAY_LIB_DIR=$built/lib SANDBOX_BIN=$built/bin/flexpay-sandbox FLEXPAY_PROGRAM=$built/bin/flexpay \
        RUN_PROGRAM=$native/bin/flexpay RUN_SANDBOX=$native/bin/flexpay-sandbox scripts/install.sh
    (
        cd "$source"
        # -d: what it is built with is not in Debian.
        dpkg-buildpackage --host-arch "$architecture" --build=binary --no-sign -d >"$work/log" 2>&1
    ) || { tail -n 30 "$work/log" >&2; exit 1; }
    mv "$work/$architecture"/*.deb "$dist/"
    ls "$dist"/*_"$architecture".deb
done
