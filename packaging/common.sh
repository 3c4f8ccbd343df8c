# What the scripts in this folder share. They run in the top folder, and read this file with ".".
# shellcheck shell=bash disable=SC2034 # the variables are for the scripts

version=$(sed -n '/^\[workspace.package\]/,/^$/s/^version = "\(.*\)"/\1/p' Cargo.toml)
major=${version%%.*}
dist=$PWD/build/dist
# What this machine can run.
native=$PWD/build/platforms/linux-$(uname -m)
# The time of every file in a package: that of the last commit. So the same sources give the same bytes.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH
umask 022
mkdir -p "$dist"

# The names of all platforms.
platforms() { grep -v '^#' packaging/platforms | cut -d '|' -f 1; }

# pack_tar FOLDER NAME FILE: packs FOLDER/NAME.
pack_tar() {
    tar -C "$1" --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner --format=ustar \
        -cf - "$2" | gzip -9n >"$3.new"
    mv "$3.new" "$3"
    echo "$3"
}

# pack_zip FOLDER NAME FILE: packs FOLDER/NAME.
pack_zip() {
    rm -f "$3"
    find "$1/$2" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
    (cd "$1" && find "$2" -type f | LC_ALL=C sort | TZ=UTC zip -X -9 -q -@ "$3")
    echo "$3"
}
