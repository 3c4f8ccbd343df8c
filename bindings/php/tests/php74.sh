#!/usr/bin/env bash
# Fetches PHP 7.4, the oldest that the package is for: Debian 11's own, unpacked into a folder and not
# installed. Writes FOLDER/env, which a shell reads to use it:
#
#   tests/php74.sh FOLDER && . FOLDER/env && "$PHP74" -v
set -euo pipefail

folder=${1:?usage: php74.sh FOLDER}
mkdir -p "$folder"
folder=$(realpath "$folder")
[ -e "$folder/env" ] && exit 0

if ! command -v apt-get >/dev/null; then
    echo "php74.sh: no apt here; set PHP74 (and PHP74_FPM) to a PHP 7.4 with FFI" >&2
    exit 1
fi

packages="php7.4-cli php7.4-fpm php7.4-common php7.4-opcache php7.4-json php7.4-sqlite3 php7.4-mbstring php7.4-xml
    libssl1.1 libffi7"
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
mkdir -p "$folder"/{state/lists/partial,cache/archives/partial,sources.d,deb,root}
: >"$folder/status"
options=(-qq -o "Dir::State=$folder/state" -o "Dir::State::status=$folder/status" -o "Dir::Cache=$folder/cache"
    -o "Dir::Etc::sourcelist=$folder/sources.list" -o "Dir::Etc::sourceparts=$folder/sources.d"
    -o APT::Sandbox::User=)

# Debian 11 moves to the archive one day.
for mirror in http://deb.debian.org/debian http://archive.debian.org/debian; do
    echo "deb [check-valid-until=no signed-by=$keyring] $mirror bullseye main" >"$folder/sources.list"
    # shellcheck disable=SC2086 # one word for each package
    if apt-get "${options[@]}" update >"$folder/log" 2>&1 &&
        (cd "$folder/deb" && apt-get "${options[@]}" download $packages) >>"$folder/log" 2>&1; then
        break
    fi
    rm -f "$folder"/deb/*
done
if ! ls "$folder"/deb/php7.4-cli_*.deb >/dev/null 2>&1; then
    cat "$folder/log" >&2
    echo "php74.sh: PHP 7.4 cannot be fetched" >&2
    exit 1
fi
for package in "$folder"/deb/*.deb; do
    dpkg -x "$package" "$folder/root"
done
rm -rf "$folder/deb" "$folder/cache" "$folder/state"

root=$folder/root
libraries=$(dirname "$root"/usr/lib/*/libssl.so.1.1)
extensions=$(dirname "$root"/usr/lib/php/*/ffi.so)
{
    echo "extension_dir=$extensions"
    echo "zend_extension=opcache"
    echo "log_errors=1"
    for extension in json ffi mbstring pdo pdo_sqlite dom xml xmlwriter tokenizer ctype phar posix; do
        [ -e "$extensions/$extension.so" ] && echo "extension=$extension"
    done
} >"$folder/php.ini"
cat >"$folder/env.new" <<END
export PHP74='$root/usr/bin/php7.4' PHP74_FPM='$root/usr/sbin/php-fpm7.4'
export PHPRC='$folder/php.ini' PHP_INI_SCAN_DIR=
export LD_LIBRARY_PATH='$libraries'
END
mv "$folder/env.new" "$folder/env"
