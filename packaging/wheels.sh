#!/usr/bin/env bash
# Makes the Python packages of the built platforms (packaging/build.sh) in build/dist:
#
#   packaging/wheels.sh [NAME…]      names: packaging/platforms; all by default
#
#   flexpay-VERSION-py3-none-PLATFORM.whl           the library and the program
#   flexpay-VERSION.tar.gz                          the sdist, which cargo builds
#   flexpay_sandbox-VERSION-py3-none-PLATFORM.whl   the sandbox
#
# PLATFORMS_DIR, DIST_DIR   instead of build/platforms and build/dist
#
# Runs no cargo. The same files give the same bytes.
set -euo pipefail
cd "$(dirname "$0")/.."
. packaging/common.sh
python=$(packaging/python-tools.sh)/bin/python

# The platform tags of a wheel. A manylinux tag with the version of glibc has an older name, which old versions
# of pip know. The musl wheels are for Alpine 3.13 and later.
tags() {
    case $1 in
        linux-x86_64) echo manylinux2014_x86_64.manylinux_2_17_x86_64 ;;
        linux-aarch64) echo manylinux2014_aarch64.manylinux_2_17_aarch64 ;;
        linux-armv7) echo manylinux2014_armv7l.manylinux_2_17_armv7l ;;
        linux-musl-x86_64) echo musllinux_1_2_x86_64 ;;
        linux-musl-aarch64) echo musllinux_1_2_aarch64 ;;
        windows-x86_64) echo win_amd64 ;;
        windows-i686) echo win32 ;;
        *)
            echo "wheels.sh: there is no wheel for $1" >&2
            return 2
            ;;
    esac
}

# The sandbox is static on Linux: one wheel is for both C libraries.
sandbox_tags() {
    case $1 in
        linux-musl-*) ;;
        linux-armv7) echo "$(tags "$1").musllinux_1_2_armv7l" ;;
        linux-*) echo "$(tags "$1").$(tags "linux-musl-${1#linux-}")" ;;
        *) tags "$1" ;;
    esac
}

# setuptools FOLDER COMMAND…: runs a command of the folder's setup.py, and shows its output only if it fails.
setuptools() {
    local folder=$1
    shift
    (cd "$folder" && "$python" setup.py --quiet "$@") >"$work/log" 2>&1 || { cat "$work/log" >&2; return 1; }
}

# Deletes what the last command left: setuptools would reuse it for the next platform.
clean() { rm -rf "$1/build" "$1"/*.egg-info; }

names=("$@")
[ $# -gt 0 ] || mapfile -t names < <(platforms)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# A copy of the files in git, for setuptools writes into the folder of its sources.
mkdir "$work/tree"
git ls-files -z --deduplicate | tar -c --null --files-from=- | tar -x --no-same-permissions -C "$work/tree"

setuptools "$work/tree/bindings/python" sdist --formats=tar --dist-dir "$work/sdist"
sdist=$(basename "$work"/sdist/*.tar .tar)
# setuptools writes the times, owners and modes of the copied files.
tar -x --no-same-permissions -C "$work/sdist" -f "$work/sdist/$sdist.tar"
tar -c --sort=name "--mtime=@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX \
    -C "$work/sdist" "$sdist" | gzip --no-name --best >"$work/$sdist.tar.gz"
mv "$work/$sdist.tar.gz" "$dist/$sdist.tar.gz"

# The wheels are made of the sdist: it has all that they need.
for name in "${names[@]}"; do
    tags=$(tags "$name")
    from=$platforms_dir/$name exe='' library=libflexpay.so
    case $name in windows-*) exe=.exe library=flexpay.dll ;; esac
    export FLEXPAY_LIBRARY_PREBUILT=$from/lib/$library
    export FLEXPAY_PROGRAM_PREBUILT=$from/bin/flexpay$exe
    setuptools "$work/sdist/$sdist" bdist_wheel --plat-name "$tags" --dist-dir "$dist"
    clean "$work/sdist/$sdist"

    tags=$(sandbox_tags "$name")
    [ -n "$tags" ] || continue
    export FLEXPAY_SANDBOX_PREBUILT=$from/bin/flexpay-sandbox$exe
    setuptools "$work/tree/packaging/python-sandbox" bdist_wheel --plat-name "$tags" --dist-dir "$dist"
    clean "$work/tree/packaging/python-sandbox"
done
