#!/usr/bin/env bash
# Makes the Composer archive build/dist/flexpay-php-VERSION.zip: the PHP package with the library and the
# program of every platform, from build/platforms (packaging/build.sh makes them).
#
#   packaging/composer.sh [PLATFORM…]      all platforms; with names, a part of the package, for a test
#
# PLATFORMS_DIR, DIST_DIR   instead of build/platforms and build/dist
set -euo pipefail
cd "$(dirname "$0")/.."
. packaging/common.sh

mapfile -t all < <(platforms)
names=("$@")
[ ${#names[@]} -gt 0 ] || names=("${all[@]}")
for name in "${all[@]}"; do
    [[ " ${names[*]} " == *" $name "* ]] || echo "composer.sh: for a test only: the package is without $name" >&2
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
package=$work/flexpay-php-$version
mkdir "$package"

# What the package's repository has for its developers is left out.
(cd bindings/php && git ls-files -z -- ':!tests' ':!phpunit.xml' ':!mago.toml' |
    xargs -0 cp --parents --target-directory "$package")
cp LICENSE-MIT LICENSE-APACHE "$package"

for name in "${names[@]}"; do
    from=$platforms_dir/$name
    case $name in
        windows-*) library=flexpay.dll built=flexpay.dll program=flexpay.exe ;;
        *) library=libflexpay.so built=libflexpay.so.$major program=flexpay ;;
    esac
    [ -e "$from/lib/$built" ] && [ -e "$from/bin/$program" ] ||
        { echo "composer.sh: $name is not built: packaging/build.sh $name" >&2; exit 1; }
    install -D -m 644 "$from/lib/$built" "$package/lib/$name/$library"
    install -D -m 755 "$from/bin/$program" "$package/lib/$name/$program"
done

archive=$dist/flexpay-php-$version.zip
python3 packaging/composer.py "$package" "$version" "$archive"
echo "$archive"
