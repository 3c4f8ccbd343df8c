#!/usr/bin/env bash
# Tests the packages of this machine's processor where nothing of the project is installed: scripts/test-in-debian.sh
# runs this in a new, bare Debian without Rust.
#
#   packaging/check/in-debian.sh      in a folder with scripts/, packaging/ and build/dist/
set -euo pipefail
cd "$(dirname "$0")/../.."
dist=$PWD/build/dist
version=$(basename "$dist"/flexpay-[0-9]*-linux-x86_64.tar.gz -linux-x86_64.tar.gz)
version=${version#flexpay-}
export DEBIAN_FRONTEND=noninteractive
work=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$work"' EXIT

fail() {
    echo "in-debian.sh: $1" >&2
    exit 1
}

# pays PROGRAM SANDBOX: takes a card payment and reads its state.
pays() {
    local program=$1 sandbox=$2 address order
    "$sandbox" --http 127.0.0.1:0 --https 127.0.0.1:0 --env-file "$work/flexpay.env" >"$work/sandbox.log" 2>&1 &
    for ((tries = 0; tries < 200; tries++)); do
        [ ! -s "$work/flexpay.env" ] || break
        sleep 0.1
    done
    (
        # shellcheck source=/dev/null
        . "$work/flexpay.env"
        address=$("$program" pay --reference BARE-1 --amount 25.50 --currency USD \
            --callback-url https://shop.example/callback --approve-url https://shop.example/thanks \
            --cancel-url https://shop.example/cart --decline-url https://shop.example/declined --field redirect_url)
        "$sandbox" customer approve "$address" >/dev/null
        order=$("$program" pay-mobile --reference BARE-2 --amount 10 --currency USD --phone 0812345678 \
            --callback-url https://shop.example/callback --field order_number)
        "$sandbox" customer confirm "$SANDBOX_URL" --phone 243812345678 --wait 10 >/dev/null
        "$program" wait "$order" --timeout 30 >/dev/null
    ) || fail "$program does not take a payment: $(cat "$work/sandbox.log")"
    kill %%
    wait %% 2>/dev/null || true
    rm -f "$work/flexpay.env"
}

# The archive, while the system has no compiler and no library but libc.
mkdir "$work/elsewhere"
tar -C "$work/elsewhere" -xzf "$dist/flexpay-$version-linux-x86_64.tar.gz"
archive=$work/elsewhere/flexpay-$version-linux-x86_64
pays "$archive/bin/flexpay" "$archive/bin/flexpay-sandbox"
tar -C "$work" -xzf "$dist/flexpay-sandbox-$version-linux-x86_64.tar.gz"
pays "$archive/bin/flexpay" "$work/flexpay-sandbox-$version-linux-x86_64/flexpay-sandbox"
echo "in-debian: the archive takes payments in a bare Debian"

apt-get update -qq
apt-get install -y -qq --no-install-recommends "$dist"/{libflexpay1,libflexpay-dev,flexpay,flexpay-sandbox}_*_amd64.deb \
    man-db systemd >/dev/null
pays flexpay flexpay-sandbox
/sbin/ldconfig -p | grep -q 'libflexpay.so.1 ' || fail "the dynamic linker does not find the library"
XDG_RUNTIME_DIR=$work systemd-analyze verify --man=no --user /usr/lib/systemd/user/flexpay-sandbox.service || fail "the systemd unit is wrong"
[ ! -e /etc/systemd/user/default.target.wants/flexpay-sandbox.service ] || fail "the sandbox would start by itself"

apt-get install -y -qq --no-install-recommends gcc libc6-dev pkg-config cmake make >/dev/null
LIBDIR=lib/x86_64-linux-gnu scripts/test-prefix.sh /usr "$version"
scripts/test-prefix.sh "$archive" "$version"

apt-get purge -y -qq libflexpay1 libflexpay-dev flexpay flexpay-sandbox >/dev/null
left=$(find /usr /etc /var/lib/systemd -name '*flexpay*' -not -path '/usr/src/*')
[ -z "$left" ] || fail "left after purge: $left"
echo "in-debian: the Debian packages install, take payments, compile programs, and leave nothing"
