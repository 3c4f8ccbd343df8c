#!/usr/bin/env bash
# Checks the Composer archive in build/dist: installed with Composer into an empty project, it takes a payment
# over FFI, over the program, and in PHP-FPM; and `flexpay doctor` sees a file that is not as it was released.
#
# SANDBOX_BIN   the sandbox (target/debug/flexpay-sandbox)
# PHP           the PHP of the payments on the command line (php)
#
# It needs Composer, PHP with FFI, OPcache and zip, PHP-FPM and nginx: scripts/setup.sh dist-php.
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD
version=$(sed -n '/^\[workspace.package\]/,/^$/s/^version = "\(.*\)"/\1/p' Cargo.toml)
archive=$root/build/dist/flexpay-php-$version.zip
SANDBOX_BIN=$(realpath "${SANDBOX_BIN:-target/debug/flexpay-sandbox}")
PHP=$(type -P "${PHP:-php}")
work=$(mktemp -d)
sandbox=
trap '[ -z "$sandbox" ] || kill "$sandbox"; wait; rm -rf "$work"' EXIT

fail() {
    echo "check/composer.sh: $*" >&2
    exit 1
}

# clean COMMAND…: in the project, with no settings of this machine's user.
clean() {
    (cd "$work/shop" && env -i "PATH=$PATH" "HOME=$work/home" LANG=C.UTF-8 "${settings[@]}" "$@" </dev/null)
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
mkdir "$work/home" "$work/shop" "$work/artifacts"
cp "$archive" "$work/artifacts"

# ---- Install it with Composer, without a network ------------------------------------------------

cat >"$work/shop/composer.json" <<END
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
package=$work/shop/vendor/flexpay/flexpay
# As a repository of Composer's wants it, but for the version, which such a repository would have from a tag.
prints 'composer.json is valid' 0 composer validate --strict --no-check-version "$package/composer.json"
prints "$version" 0 composer show --format=json flexpay/flexpay
[ ! -e "$package/tests" ] || fail "the tests are in the archive"

# What is installed is what the list has, and the platforms are those that the package looks for.
# shellcheck disable=SC2016 # PHP's variables
clean "$PHP" -r '
    $folder = $argv[1] . "/";
    $list = json_decode(file_get_contents($folder . "files.json"), true);
    $files = [];
    foreach (new RecursiveIteratorIterator(new RecursiveDirectoryIterator($folder, FilesystemIterator::SKIP_DOTS)) as $file) {
        $files[substr($file->getPathname(), strlen($folder))] = hash_file("sha256", $file->getPathname());
    }
    unset($files["files.json"]);
    ksort($files, SORT_STRING);
    ksort($list["files"], SORT_STRING);
    if ($files !== $list["files"]) {
        exit("files.json does not have what is installed\n" . print_r(array_diff_assoc($files, $list["files"]), true));
    }
    require $folder . "autoload.php";
    $names = array_map("basename", glob($folder . "lib/*"));
    if ($names === [] || array_diff($names, FlexPay\Internal\Platform::NAMES) !== []) {
        exit("lib has folders that nothing looks for: " . implode(" ", $names) . "\n");
    }
    echo "ok: ", count($files), " files as listed, platforms: ", implode(" ", $names), "\n";
' "$package" >"$work/output"
cat "$work/output"
grep '^ok: ' "$work/output" >/dev/null || fail "files.json"
# All names, also if the archive is for a test.
for name in $(grep -v '^#' packaging/platforms | cut -d '|' -f 1); do
    grep "'$name'" "$package/src/Internal/Platform.php" >/dev/null || fail "Platform.php does not know $name"
done

# ---- A payment ----------------------------------------------------------------------------------

"$SANDBOX_BIN" serve --http 127.0.0.1:0 --https 127.0.0.1:0 --env-file "$work/sandbox.env" >"$work/sandbox.log" 2>&1 &
sandbox=$!
for ((n = 0; n < 200; n++)); do
    [ ! -e "$work/sandbox.env" ] || break
    kill -0 "$sandbox" || { cat "$work/sandbox.log"; fail "the sandbox"; }
    sleep 0.1
done
mapfile -t settings < <(env -i bash -c '. "$1"; env' - "$work/sandbox.env" | grep -E '^(FLEXPAY_|SANDBOX_)')
# The sandbox's own folder is not for other users.
for n in "${!settings[@]}"; do
    case ${settings[n]} in
        FLEXPAY_CA_FILE=*)
            install -m 644 "${settings[n]#*=}" "$work/ca.pem"
            settings[n]=FLEXPAY_CA_FILE=$work/ca.pem
            ;;
    esac
done

cat >"$work/shop/pay.php" <<'END'
<?php

require __DIR__ . '/vendor/autoload.php';

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
    str_replace(__DIR__ . '/', '', $path), ', ', PHP_SAPI, "\n";
END
platform=$(scripts/platform.sh)
in_package=vendor/flexpay/flexpay/lib/$platform
prints "PENDING with FlexPay\\Internal\\Library, $in_package/libflexpay.so, cli" 0 "$PHP" -d ffi.enable=preload pay.php
prints "PENDING with FlexPay\\Internal\\Program, $in_package/flexpay, cli" 0 "$PHP" -d ffi.enable=0 pay.php
# As in Apache on a shared host: without FFI, and with access to the shop's files alone.
prints "PENDING with FlexPay\\Internal\\Program, $in_package/flexpay, cli" 0 \
    "$PHP" -d ffi.enable=0 -d "open_basedir=$work/shop" pay.php
prints 'PENDING with FlexPay\Internal\Library, preloaded, fpm-fcgi' 0 \
    php "$root/packaging/check/composer_fpm.php" "$work/shop" pay.php preload
prints "PENDING with FlexPay\\Internal\\Program, $in_package/flexpay, fpm-fcgi" 0 \
    php "$root/packaging/check/composer_fpm.php" "$work/shop" pay.php program

# ---- The doctor ---------------------------------------------------------------------------------

released="package: flexpay/flexpay $version, $package: its files are those that were released"
prints "$released" 0 vendor/bin/flexpay doctor
prints "library: $package/lib/$platform/libflexpay.so, version $version, ABI " 0 vendor/bin/flexpay doctor

library=$package/lib/$platform/libflexpay.so
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

# ---- Without Composer: the unpacked archive -----------------------------------------------------

unzip -q "$archive" -d "$work/shop"
sed -i "s|/vendor/autoload.php|/flexpay-php-$version/autoload.php|" "$work/shop/pay.php"
prints "PENDING with FlexPay\\Internal\\Library, flexpay-php-$version/lib/$platform/libflexpay.so, cli" 0 \
    "$PHP" -d ffi.enable=preload pay.php
prints 'its files are those that were released' 0 "$PHP" "flexpay-php-$version/bin/flexpay" doctor
echo "check/composer.sh: everything passed"
