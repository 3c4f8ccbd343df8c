#!/usr/bin/env bash
# Builds the libraries and the programs of a platform into build/platforms/NAME.
#
#   packaging/build.sh [--only library|program|sandbox|panics]… NAME…      names: packaging/platforms; "all"
#
# Linux:    lib/libflexpay.so.1, lib/libflexpay.so (a link), lib/libflexpay.a,
#           bin/flexpay, bin/flexpay-sandbox
# Windows:  lib/flexpay.dll, lib/flexpay.def, lib/flexpay.lib (for MSVC), lib/libflexpay.dll.a (for mingw),
#           lib/libflexpay.a, bin/flexpay.exe, bin/flexpay-sandbox.exe
#           With --only panics: panics/flexpay.dll, in which every function panics, for tests/windows/run.sh
#
# The same sources give the same bytes, in any folder: no path, no time and no user name is in them.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD

parts=()
while [ "${1:-}" = --only ]; do
    parts+=("$2")
    shift 2
done
[ ${#parts[@]} -gt 0 ] || parts=(library program sandbox)
names=("$@")
[ "${names[*]}" != all ] || mapfile -t names < <(grep -v '^#' packaging/platforms | cut -d '|' -f 1)
[ ${#names[@]} -gt 0 ] || { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2; }

version=$(sed -n '/^\[workspace.package\]/,/^$/s/^version = "\(.*\)"/\1/p' Cargo.toml)
major=${version%%.*}
CARGO_TARGET_DIR=$(realpath -m "${CARGO_TARGET_DIR:-target}")
export CARGO_TARGET_DIR
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
cargo_home=${CARGO_HOME:-$HOME/.cargo}
sysroot=$(rustc --print sysroot)
# Tools for objects of every processor, of the LLVM in this rustc: it writes what an older one cannot read.
llvm=$sysroot/lib/rustlib/$(rustc -vV | sed -n 's/^host: //p')/bin
[ -x "$llvm/llvm-nm" ] || rustup component add llvm-tools

# cargo-zigbuild links for another C library, with Zig's linker and its copies of the headers.
zig=$root/build/tools/zig
[ -x "$zig/bin/cargo-zigbuild" ] || {
    python3 -m venv "$zig"
    "$zig/bin/pip" --disable-pip-version-check install --quiet --requirement packaging/zig.txt
}
# cargo-zigbuild finds Zig, a Python package, through the Python in this folder.
PATH=$zig/bin:$PATH

in_part() { [[ " ${parts[*]} " == *" $1 "* ]]; }

# cargo_for TARGET LIBC SUBCOMMAND…: runs cargo for a target, so that the result does not depend on the machine.
cargo_for() {
    local target=$1 libc=$2
    shift 2
    local upper=${target//-/_}
    local flags=(
        "--remap-path-prefix=$root=flexpay"
        "--remap-path-prefix=$cargo_home=cargo"
        "--remap-path-prefix=$sysroot=rust"
        "--remap-path-prefix=$CARGO_TARGET_DIR=target"
    )
    local c_flags="-g0 -ffile-prefix-map=$root=flexpay -ffile-prefix-map=$cargo_home=cargo"
    local settings=("CFLAGS_$upper=$c_flags") options=(--release --locked)
    local command=(cargo-zigbuild "$1") zig_target=$target
    case $libc in
        glibc\ *) zig_target=$target.${libc#glibc } ;;
        # Without a libc of its own; and not static, for such a program cannot load a shared library.
        musl) flags+=("-Ctarget-feature=-crt-static" "-Clink-arg=-dynamic") ;;
        static) ;;
        msvcrt)
            local tools=${target%%-*}-w64-mingw32
            command=(cargo "$1")
            settings+=("CC_$upper=$tools-gcc" "CXX_$upper=$tools-g++" "AR_$upper=$tools-ar"
                "CARGO_TARGET_${upper^^}_LINKER=$tools-gcc")
            flags+=("-Clink-arg=-Wl,--no-insert-timestamp")
            ;;
    esac
    if ! has_standard_library "$target"; then
        # It is compiled too. Only a nightly compiler has the option, or one that is told to be one.
        settings+=("RUSTC_BOOTSTRAP=1")
        options+=("-Zbuild-std=std,panic_unwind")
        # What starts a static program is then in Zig alone.
        [ "$libc" != static ] || flags+=("-Clink-self-contained=no" "-Ctarget-feature=+crt-static")
    fi
    env "${settings[@]}" "CARGO_TARGET_${upper^^}_RUSTFLAGS=${flags[*]}" \
        "${command[@]}" "${options[@]}" --target "$zig_target" --config 'profile.release.strip="symbols"' "${@:2}"
}

# Whether rustup has a compiled standard library for a target: not for Windows 7, and not for every musl.
has_standard_library() {
    [ -d "$sysroot/lib/rustlib/$1/lib" ] || rustup --quiet target add "$1" 2>/dev/null || {
        rustup --quiet component add rust-src
        return 1
    }
}

# Copies in one step: a program that has the old file open keeps it.
put() {
    mkdir -p "$(dirname "$2")"
    cp "$1" "$2.new"
    case $2 in
        # rustc leaves the symbols in them. The strip of mingw would write the time.
        *.dll | *.exe) llvm-strip "$2.new" ;;
    esac
    mv "$2.new" "$2"
}

build_library() {
    case $name in
        windows-*)
            cargo_for "$target" "$libc" rustc --package flexpay --lib --crate-type cdylib,staticlib
            local tools=${target%%-*}-w64-mingw32
            put "$built/flexpay.dll" "$to/lib/flexpay.dll"
            packaging/import-libraries.sh "$tools" "$to/lib"
            OBJDUMP=$tools-objdump scripts/check-dll.sh include/flexpay.h "$to/lib"
            NM=$tools-nm OBJCOPY=$tools-objcopy scripts/static-library.sh "$built/libflexpay.a" "$to/lib/libflexpay.a"
            ;;
        *)
            cargo_for "$target" "$libc" rustc --package flexpay --lib --crate-type staticlib
            mkdir -p "$to/lib"
            # Zig's unwinder takes the place of GCC's.
            CC="$zig/bin/python -m ziglang cc $(zig_target)" \
                scripts/shared-library.sh "$built/libflexpay.a" "$to/lib/libflexpay.so.$major" -lunwind -s
            scripts/check-library.sh include/flexpay.h "$to/lib/libflexpay.so.$major"
            ln -sf "libflexpay.so.$major" "$to/lib/libflexpay.so"
            NM=$llvm/llvm-nm OBJCOPY=$llvm/llvm-objcopy scripts/static-library.sh "$built/libflexpay.a" "$to/lib/libflexpay.a"
            ;;
    esac
}

# Prints the options with which Zig links for the platform, as cargo-zigbuild gives them.
zig_target() {
    local architecture=${target%%-*} abi=${target##*-}
    case $libc in glibc\ *) abi=$abi.${libc#glibc } ;; esac
    case $architecture in
        armv7) echo "-target arm-linux-$abi -mcpu=generic+v7a+vfp3-d32+thumb2-neon" ;;
        *) echo "-target $architecture-linux-$abi" ;;
    esac
}

build_program() {
    cargo_for "$target" "$libc" build --package flexpay-cli
    put "$built/flexpay$exe" "$to/bin/flexpay$exe"
}

# The sandbox runs on every Linux: a developer starts it wherever it is.
build_sandbox() {
    cargo_for "$sandbox_target" "$sandbox_libc" build --package flexpay-sandbox
    put "$CARGO_TARGET_DIR/$sandbox_target/release/flexpay-sandbox$exe" "$to/bin/flexpay-sandbox$exe"
}

build_panics() {
    cargo_for "$target" "$libc" rustc --package flexpay --lib --crate-type cdylib -- --cfg flexpay_panics
    put "$built/flexpay.dll" "$to/panics/flexpay.dll"
}

for name in "${names[@]}"; do
    line=$(grep "^$name|" packaging/platforms) || { echo "build.sh: there is no platform $name" >&2; exit 2; }
    IFS='|' read -r _ target libc sandbox_target <<<"$line"
    exe='' sandbox_libc=static
    case $name in windows-*) exe=.exe sandbox_libc=msvcrt ;; esac
    to=$root/build/platforms/$name
    built=$CARGO_TARGET_DIR/$target/release
    for part in library program sandbox panics; do
        ! in_part "$part" || "build_$part"
    done
done
