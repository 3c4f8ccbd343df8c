#!/usr/bin/env bash
# Downloads PHP 7.4, the oldest version that the package supports: the packages of Debian 11, unpacked
# into a directory and not installed. Writes DIRECTORY/env; source it to use this PHP:
#
#   tests/php74.sh DIRECTORY && . DIRECTORY/env && "$PHP74" -v
set -euo pipefail

directory=${1:?usage: php74.sh DIRECTORY}
mkdir -p "$directory"
directory=$(realpath "$directory")
if ! command -v apt-get >/dev/null; then
    echo "php74.sh: apt is not installed; set PHP74 (and PHP74_FPM) to a PHP 7.4 with FFI" >&2
    exit 1
fi

# The client libraries of the databases are this system's.
packages="php7.4-cli php7.4-fpm php7.4-common php7.4-opcache php7.4-json php7.4-sqlite3 php7.4-mysql php7.4-pgsql
    php7.4-mbstring php7.4-xml libssl1.1 libffi7"
[ -e "$directory/env" ] && [ "$(cat "$directory/packages")" = "$packages" ] && exit 0
rm -rf "$directory/env" "$directory/root"

keyring=/usr/share/keyrings/debian-archive-keyring.gpg
mkdir -p "$directory"/{state/lists/partial,cache/archives/partial,sources.d,deb,root}
: >"$directory/status"
options=(-qq -o "Dir::State=$directory/state" -o "Dir::State::status=$directory/status" -o "Dir::Cache=$directory/cache"
    -o "Dir::Etc::sourcelist=$directory/sources.list" -o "Dir::Etc::sourceparts=$directory/sources.d"
    -o APT::Sandbox::User=)

# Debian 11 will move to the archive.
for mirror in http://deb.debian.org/debian http://archive.debian.org/debian; do
    echo "deb [check-valid-until=no signed-by=$keyring] $mirror bullseye main" >"$directory/sources.list"
    # shellcheck disable=SC2086 # one argument for each package
    if apt-get "${options[@]}" update >"$directory/log" 2>&1 &&
        (cd "$directory/deb" && apt-get "${options[@]}" download $packages) >>"$directory/log" 2>&1; then
        break
    fi
    rm -f "$directory"/deb/*
done
if ! ls "$directory"/deb/php7.4-cli_*.deb >/dev/null 2>&1; then
    cat "$directory/log" >&2
    echo "php74.sh: cannot download PHP 7.4" >&2
    exit 1
fi
for package in "$directory"/deb/*.deb; do
    dpkg -x "$package" "$directory/root"
done
rm -rf "$directory/deb" "$directory/cache" "$directory/state"

root=$directory/root
libraries=$(dirname "$root"/usr/lib/*/libssl.so.1.1)
extensions=$(dirname "$root"/usr/lib/php/*/ffi.so)
{
    echo "extension_dir=$extensions"
    echo "zend_extension=opcache"
    echo "log_errors=1"
    for extension in json ffi mbstring pdo pdo_sqlite mysqlnd pdo_mysql pdo_pgsql dom xml xmlwriter tokenizer ctype phar posix; do
        [ -e "$extensions/$extension.so" ] && echo "extension=$extension"
    done
} >"$directory/php.ini"
cat >"$directory/env.new" <<END
export PHP74='$root/usr/bin/php7.4' PHP74_FPM='$root/usr/sbin/php-fpm7.4'
export PHPRC='$directory/php.ini' PHP_INI_SCAN_DIR=
export LD_LIBRARY_PATH='$libraries'
END
echo "$packages" >"$directory/packages"
mv "$directory/env.new" "$directory/env"
