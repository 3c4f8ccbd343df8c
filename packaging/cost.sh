#!/usr/bin/env bash
# Prints what a platform's files weigh, and what a cold start takes: a new C process that sends one check over TLS, and
# an empty one beside it. Another processor is emulated, and Windows is Wine: only the ratio says something then.
#
#   packaging/cost.sh PLATFORM…      after packaging/dist.sh; as root
set -euo pipefail
cd "$(dirname "$0")/.."
. packaging/common.sh
. packaging/check/compiler.sh
sandbox=$native/bin/flexpay-sandbox
program=$native/bin/flexpay

measure() {
    local platform=$1 work library exe='' run=''
    work=$(mktemp -d)
    case $platform in
        windows-*)
            (cd "$work" && unzip -q "$dist/flexpay-$version-$platform.zip")
            library=bin/flexpay.dll exe=.exe CC=${platform#windows-}-w64-mingw32-gcc CFLAGS=
            ;;
        *)
            tar -C "$work" -xzf "$dist/flexpay-$version-$platform.tar.gz"
            library=lib/libflexpay.so.$major
            use_compiler "$platform" >/dev/null
            ;;
    esac
    local package=$work/flexpay-$version-$platform
    # CFLAGS holds several options.
    # shellcheck disable=SC2086
    {
        "$CC" ${CFLAGS:-} packaging/cost/empty.c -o "$work/empty$exe"
        "$CC" ${CFLAGS:-} -Iinclude packaging/cost/check.c -o "$work/check$exe" -L"$package/lib" -lflexpay \
            $([ -n "$exe" ] || echo "-Wl,-rpath,$package/lib")
    }
    size() { stat -c %s "$package/$1"; }
    printf '%-20s library %s B, program %s B, sandbox %s B; ' "$platform" "$(size "$library")" \
        "$(size "bin/flexpay$exe")" "$(size "bin/flexpay-sandbox$exe")"
    if [ "$platform" = windows-i686 ]; then
        # The 32 bit Wine is in a Debian of its own.
        echo "not measured"
    else
        if [ -n "$exe" ]; then
            cp "$package/bin/flexpay.dll" "$work/"
            export WINEDEBUG=-all WINEPREFIX=$PWD/build/wine/x86_64 WINEDLLOVERRIDES='mscoree,mshtml='
            run="wine "
        fi
        python3 packaging/cost/times.py "$order" "$run$work/empty$exe" "$run$work/check$exe"
    fi
    rm -rf "$work"
}

work=$(mktemp -d)
"$sandbox" --http 127.0.0.1:0 --https 127.0.0.1:0 --no-callbacks --env-file "$work/flexpay.env" >"$work/log" 2>&1 &
trap 'kill %1 2>/dev/null || true; rm -rf "$work"' EXIT
until [ -s "$work/flexpay.env" ]; do
    kill -0 %1
    sleep 0.1
done
set -a
# shellcheck source=/dev/null
. "$work/flexpay.env"
set +a
export FLEXPAY_CHECK_URL=$SANDBOX_HTTPS_URL/api/rest/v1/check
order=$("$program" pay-mobile --reference COST-1 --amount 10 --currency USD --phone 0812345678 \
    --callback-url https://shop.example/callback --field order_number 2>/dev/null)
for platform in "$@"; do
    # In a process of its own: a compiler's settings are for one platform.
    (measure "$platform")
done
