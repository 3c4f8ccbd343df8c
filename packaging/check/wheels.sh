#!/usr/bin/env bash
# Checks the Python packages in build/dist, each installed into an empty place.
#
#   packaging/check/wheels.sh [CHECK…]      all but `foreign` by default
#
#   tags           the tags of all wheels agree with what is in them; pip chooses the right one
#   same           the same files give the same packages again, byte for byte
#   native         the wheels of this machine, without a compiler: a payment, the commands
#   sdist          the sdist: cargo builds it, in minutes, with the crates that are in its cache
#   musl           the library and the program in the wheel for musl, with the musl of Debian
#   windows        the library and the program in the wheel for Windows, under Wine
#   foreign TAG ROOT
#                  the wheel with the platform tag TAG, with the Python in the folder ROOT of a Debian of
#                  another machine, under qemu: foreign manylinux_2_17_aarch64 build/roots/arm64
#
# PLATFORMS_DIR, DIST_DIR   instead of build/platforms and build/dist
set -euo pipefail
cd "$(dirname "$0")/../.."
. packaging/common.sh
root=$PWD here=$PWD/packaging/check
tools=$(packaging/python-tools.sh)
wheel_version=${version/-rc./rc}
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_QUIET=1 PIP_NO_CACHE_DIR=1
work=$(mktemp -d)
sandbox=''
trap '[ -z "$sandbox" ] || kill "$sandbox"; wait; rm -rf "$work"' EXIT

fail() {
    echo "check/wheels.sh: $*" >&2
    exit 1
}

# expect STATUS COMMAND…: the command must end with this status. Its output is in $work/output.
expect() {
    local expected=$1 status=0
    shift
    "$@" >"$work/output" 2>&1 </dev/null || status=$?
    [ "$status" -eq "$expected" ] || { cat "$work/output"; fail "status $status, not $expected: $*"; }
}

# prints TEXT COMMAND…: the command must succeed, and print this line. (Wine's Windows ends lines with \r\n.)
prints() {
    local text=$1
    shift
    expect 0 "$@"
    tr -d '\r' <"$work/output" | grep -Fx -- "$text" >/dev/null ||
        { cat "$work/output"; fail "does not print \"$text\": $*"; }
}

# The only file that matches a pattern.
only() { [ $# -eq 1 ] && [ -e "$1" ] && echo "$1" || fail "there must be one file: $*"; }
wheel() { only "$dist/flexpay-$wheel_version-py3-none-"*"$1.whl"; }

# new_venv NAME PACKAGE…: an empty environment, and the packages in it. Nothing is downloaded.
new_venv() {
    local venv=$work/$1
    shift
    python3 -m venv "$venv"
    env -i "PATH=$venv/bin" "HOME=$work" pip install --quiet --disable-pip-version-check --no-index "$@"
}

# run VENV COMMAND…: in another folder, with no program but those of the environment, and the sandbox's settings.
run() {
    local venv=$work/$1
    shift
    mkdir -p "$work/elsewhere"
    (cd "$work/elsewhere" && env -i "PATH=$venv/bin" LC_ALL=C.UTF-8 "HOME=$work" "${settings[@]}" "$@")
}

# Starts the sandbox from its wheel. Sets `settings`, for env.
settings=()
start_sandbox() {
    [ -z "$sandbox" ] || return 0
    new_venv sandbox "$(only "$dist/flexpay_sandbox-$wheel_version-py3-none-"*"$(uname -m).whl")"
    prints "flexpay-sandbox $version" run sandbox flexpay-sandbox --version
    # Not in a subshell: the signal must reach it.
    env -i "PATH=$work/sandbox/bin" flexpay-sandbox serve --http 127.0.0.1:0 --https 127.0.0.1:0 \
        --env-file "$work/flexpay.env" >"$work/sandbox.log" 2>&1 &
    sandbox=$!
    until [ -f "$work/flexpay.env" ]; do
        kill -0 "$sandbox" || fail "the sandbox ended: $(cat "$work/sandbox.log")"
        sleep 0.1
    done
    mapfile -d '' settings < <(env -i bash -c '. "$1" && env -0' - "$work/flexpay.env" | grep -zE '^(FLEXPAY|SANDBOX)_')
}

# What an installed package must do.
use() {
    local venv=$1 site
    site=$(only "$work/$venv"/lib/python*/site-packages/flexpay)
    prints "paid, with $site/libflexpay.so" run "$venv" python "$here/pay.py"
    prints "flexpay $version" run "$venv" flexpay version
    expect 0 run "$venv" python -m flexpay doctor --offline
    expect 0 run "$venv" flexpay doctor --offline
    # The status is that of the program.
    expect 6 run "$venv" flexpay check unknown
    expect 0 run "$venv" python "$here/in_place.py" "$site/flexpay"
}

check_tags() {
    "$tools/bin/python" "$here/wheel_tags.py" "$dist"/flexpay*-"$wheel_version"-*.whl
    # It must find a wrong tag.
    mkdir "$work/wrong"
    cp "$(wheel manylinux_2_17_x86_64)" "$work/wrong"
    "$tools/bin/wheel" tags --remove --platform-tag manylinux_2_17_aarch64 "$work/wrong"/*.whl >/dev/null
    expect 1 "$tools/bin/python" "$here/wheel_tags.py" "$work/wrong"/*.whl
    grep -F 'the machine is EM_X86_64, and a tag is manylinux_2_17_aarch64' "$work/output" >/dev/null ||
        fail "the wrong tag was not found: $(cat "$work/output")"
    # pip chooses by the tags.
    local file platform
    for file in "$dist/flexpay-$wheel_version"-*.whl; do
        file=$(basename "$file" .whl)
        for platform in $(echo "${file##*-}" | tr . ' '); do
            rm -rf "$work/target"
            "$tools/bin/pip" install --platform "$platform" --only-binary=:all: --no-index --find-links "$dist" \
                --pre --target "$work/target" flexpay
            grep -Fx "Tag: py3-none-$platform" "$work"/target/*.dist-info/WHEEL >/dev/null ||
                fail "pip chose another wheel for $platform"
        done
    done
}

check_same() {
    local file platforms
    mapfile -t platforms < <(ls "$platforms_dir")
    # The packages depend on no mode and no time of a file, and not on the user's language.
    (umask 077 && LC_ALL=C TZ=Africa/Lubumbashi DIST_DIR=$work/again packaging/wheels.sh "${platforms[@]}")
    for file in "$work"/again/*; do
        cmp "$file" "$dist/$(basename "$file")" || fail "not the same again: $(basename "$file")"
    done
}

check_native() {
    start_sandbox
    # The README's commands, with the folder of the packages and no program but Python.
    mkdir -p "$work/native/build" "$work/python"
    ln -s "$dist" "$work/native/build/dist"
    ln -s "$(python3 -c 'import sys; print(sys.executable)')" "$work/python/python3"
    local lines
    lines=$(PYTHONPATH=bindings/python/tests python3 -B -c \
        "import readme; print('\n'.join(readme.commands('Install')))")
    cd "$work/native"
    prints "flexpay $version" env -i "PATH=$work/python" "HOME=$work" /bin/sh -ec "$lines"
    cd "$root"
    use native/venv
    prints "flexpay-sandbox $version" run native/venv flexpay-sandbox --version
}

check_sdist() {
    local venv=$work/sdist
    start_sandbox
    python3 -m venv "$venv"
    # pip takes setuptools from here, and cargo the crates from its cache.
    CARGO_NET_OFFLINE=true "$venv/bin/pip" install --no-index --find-links "$tools/packages" \
        "$dist/flexpay-$wheel_version.tar.gz"
    use sdist
}

# unpacked TAG: the files of the wheel, as pip lays them out for its platform.
unpacked() {
    "$tools/bin/pip" install --platform "$1" --only-binary=:all: --no-index --no-deps --target "$work/$1" "$(wheel "$1")"
}

check_musl() {
    local tag=musllinux_1_2_x86_64
    unpacked "$tag"
    musl-gcc -O1 -Wall -Wextra -Werror "$here/load_library.c" -o "$work/load_musl"
    prints "$version" "$work/load_musl" "$work/$tag/flexpay/libflexpay.so"
    prints "flexpay $version" "$work/$tag/flexpay/flexpay" version
}

check_windows() {
    local folder="$work/Café 収入"
    export WINEPREFIX=$work/wine WINEDEBUG=-all LC_ALL=C.UTF-8
    unpacked win_amd64
    # The name of a user's folder may have any characters.
    mv "$work/win_amd64" "$folder"
    x86_64-w64-mingw32-gcc -O1 -Wall -Wextra -Werror -municode "$here/load_library.c" -o "$work/load.exe"
    prints "$version" wine "$work/load.exe" "Z:${folder//\//\\}\\flexpay\\flexpay.dll"
    prints "flexpay $version" wine "$folder/flexpay/flexpay.exe" version
    wineserver --wait 2>/dev/null || true
}

# check_foreign TAG ROOT
check_foreign() {
    local tag=$1 other
    other=$(realpath "$2")
    local qemu=("qemu-${tag##*_}-static" -L "$other")
    case $tag in
        *_aarch64) ;;
        *_armv7l) qemu[0]=qemu-arm-static ;;
        *) fail "no emulator for $tag" ;;
    esac
    start_sandbox
    unpacked "$tag"
    prints "paid, with $work/$tag/flexpay/libflexpay.so" \
        env -i "${settings[@]}" "PYTHONPATH=$work/$tag" "${qemu[@]}" "$other/usr/bin/python3" "$here/pay.py"
    # Directly: Python cannot start a program of another machine where the kernel does not know the emulator.
    prints "flexpay $version" env -i "${qemu[@]}" "$work/$tag/flexpay/flexpay" version
    expect 0 env -i "${settings[@]}" "${qemu[@]}" "$work/$tag/flexpay/flexpay" doctor --offline
}

[ $# -gt 0 ] || set -- tags same native sdist musl windows
while [ $# -gt 0 ]; do
    check=$1
    shift
    arguments=()
    if [ "$check" = foreign ]; then
        arguments=("${@:1:2}")
        shift 2
    fi
    "check_$check" "${arguments[@]}"
    echo "wheels: $check ${arguments[*]} passed"
done
