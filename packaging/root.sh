#!/usr/bin/env bash
# Makes a Debian for another processor in build/roots/ARCHITECTURE, and lets this machine run its programs (qemu).
# As root. It is kept; remove the folder to make it again.
#
#   packaging/root.sh arm64|armhf [PACKAGE…]
set -euo pipefail
cd "$(dirname "$0")/.."
architecture=$1
shift
root=$PWD/build/roots/$architecture

# The kernel starts qemu for such a program. "F" in the flags: in a chroot too.
case $architecture in
    arm64) qemu=qemu-aarch64 ;;
    armhf) qemu=qemu-arm ;;
    *) echo "root.sh: arm64 or armhf, not $architecture" >&2; exit 2 ;;
esac
binfmt=/proc/sys/fs/binfmt_misc
[ -e "$binfmt/register" ] || mount -t binfmt_misc none "$binfmt"
if [ ! -e "$binfmt/$qemu" ]; then
    # qemu-user-static brings this line.
    grep "^:$qemu:" "/usr/lib/binfmt.d/$qemu.conf" >"$binfmt/register"
fi


inside() { chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive "$@"; }

make_root() {
    rm -rf "$root"
    mkdir -p "$root"
    debootstrap --arch="$architecture" --variant=minbase bookworm "$root" "$(scripts/debian-mirror.sh bookworm)"
    echo force-unsafe-io >"$root/etc/dpkg/dpkg.cfg.d/no-sync"
    cp -L /etc/resolv.conf /etc/hosts "$root/etc/"
    apt-config dump Acquire | grep -iE '::proxy' >"$root/etc/apt/apt.conf.d/90host" || true
    inside apt-get update
    inside apt-get install -y --no-install-recommends "$@"
}

if [ ! -e "$root/complete" ]; then
    echo "root.sh: making a Debian for $architecture: its log is $root.log"
    mkdir -p "$root"
    make_root "$@" >"$root.log" 2>&1 || { tail -n 20 "$root.log" >&2; exit 1; }
    touch "$root/complete"
fi
