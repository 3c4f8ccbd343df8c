#!/bin/sh
# Prints the name of this machine's platform, as packaging/platforms has it: linux-x86_64, linux-musl-aarch64.
machine=$(uname -m)
# The kernel may be of 64 bits, and the programs of 32.
case $machine-$(getconf LONG_BIT) in
    aarch64-32 | armv8l-32 | armv7l-32) machine=armv7 ;;
esac
libc=
if ldd --version 2>&1 | grep -q musl; then
    libc=musl-
fi
echo "linux-$libc$machine"
