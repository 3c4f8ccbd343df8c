#!/usr/bin/env bash
# Builds a platform and its packages again, from a clone in another folder with its own build folder, and compares
# every byte with what is in build/platforms and build/dist.
#
#   packaging/check/reproducible.sh PLATFORM…
set -euo pipefail
cd "$(dirname "$0")/../.."
. packaging/common.sh
[ -z "$(git status --porcelain)" ] || { echo "reproducible.sh: uncommitted changes would not be built" >&2; exit 1; }
first=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
git clone --quiet --no-hardlinks . "$work/elsewhere"
mkdir -p "$work/elsewhere/build"
# The tools are the same, only the folder is another.
ln -s "$first/build/tools" "$work/elsewhere/build/tools"
cd "$work/elsewhere"
CARGO_TARGET_DIR=$work/target packaging/build.sh "$@"

different=0
compare() {
    local file
    while IFS= read -r file; do
        if ! cmp "$first/$file" "$file"; then
            different=$((different + 1))
        fi
    done
}
for platform in "$@"; do
    compare < <(find "build/platforms/$platform" -type f | LC_ALL=C sort)
done
[ "$different" -eq 0 ] || { echo "reproducible.sh: $different files are different" >&2; exit 1; }
# The packages are made of these files, of the sources and of nothing else.
for platform in $(platforms); do
    [ -d "build/platforms/$platform" ] || cp -r "$first/build/platforms/$platform" build/platforms/
done
packaging/dist.sh >/dev/null
compare < <(find build/dist -type f | LC_ALL=C sort)
[ "$different" -eq 0 ] || { echo "reproducible.sh: $different packages are different" >&2; exit 1; }
echo "reproducible: $* and $(find build/dist -type f | wc -l) packages are the same, byte by byte"
