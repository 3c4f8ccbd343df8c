# shellcheck shell=bash
#
# A C compiler for each Linux platform, with jansson, which the conformance test reads the vectors with. Other scripts
# read this file with ".". As root: it makes a Debian for another processor.

# use_compiler PLATFORM: sets CC and CFLAGS; QEMU_LD_PREFIX, the folder where qemu finds the C library of an emulated
# program; and WITHOUT, the C tests that cannot be compiled for it.
use_compiler() {
    case $1 in
        linux-x86_64) export CC=cc CFLAGS=-g ;;
        linux-aarch64) use_debian arm64 aarch64-linux-gnu-gcc ;;
        linux-armv7) use_debian armhf arm-linux-gnueabihf-gcc ;;
        linux-musl-x86_64) use_musl x86_64 ;;
        linux-musl-aarch64)
            use_debian arm64 aarch64-linux-gnu-gcc
            use_musl aarch64
            ;;
        *) echo "compiler.sh: $1 is not a Linux platform" >&2; return 2 ;;
    esac
}

use_debian() {
    local root=$PWD/build/roots/$1 packages=(libc6-dev libjansson-dev)
    # Of arm64 also what the tests of the bindings need, and the dynamic linker of musl.
    [ "$1" != arm64 ] || packages+=(musl gcc python3 python3-pytest php-cli php-xml php-mbstring php-sqlite3 phpunit)
    packaging/root.sh "$1" "${packages[@]}"
    export CC=$2 CFLAGS="-g --sysroot=$root" QEMU_LD_PREFIX=$root
}

# Zig has musl. Debian has no jansson for it: this is the same source.
use_musl() {
    local tools=$PWD/build/tests/musl-$1
    mkdir -p "$tools"
    # Zig's sanitizer, which it adds by itself, needs a newer musl than the library does.
    printf '#!/bin/sh\nexec "%s" -m ziglang cc -target %s-linux-musl -dynamic -fno-sanitize=all "$@"\n' \
        "$PWD/build/tools/zig/bin/python" "$1" >"$tools/cc"
    chmod +x "$tools/cc"
    # These replace malloc by functions that only glibc has.
    export WITHOUT="fork_while_starting one_allocation"
    export CC=$tools/cc CFLAGS="-g -I$tools/jansson/include -L$tools/jansson/lib"
    [ -e "$tools/jansson/lib/libjansson.a" ] ||
        packaging/check/jansson.sh "$tools/jansson" >"$tools/jansson.log" 2>&1 ||
        { tail -n 20 "$tools/jansson.log" >&2; return 1; }
}
