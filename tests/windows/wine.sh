# shellcheck shell=bash
#
# Functions that run Windows programs with Wine. run.sh sources this file.
#
# The 64 bit Wine is Debian's wine64. The 32 bit one is in a Debian of its own, build/wine/i386-root: its packages
# for i386 beside those of amd64 need the same versions of both, which a mirror does not always have.

wine_root=$root/build/wine/i386-root

# Prints nothing, opens no window, and installs neither .NET nor a browser. Its file names are UTF-8.
export WINEDEBUG=-all WINEDLLOVERRIDES='mscoree,mshtml=' LC_ALL=C.UTF-8
unset DISPLAY

# prepare_wine x86_64|i686: makes its folder, as a new user has it, and $wine, a program that runs another.
prepare_wine() {
    export WINEPREFIX=$root/build/wine/$1
    wine=$work/wine
    if [ "$1" = i686 ]; then
        # 32 bit alone.
        export WINEARCH=win32
        # shellcheck disable=SC2016 # expanded by the inner shell
        {
            echo '#!/bin/sh'
            echo "exec chroot '$wine_root' sh -c 'cd \"\$1\" && shift && exec wine \"\$@\"' - \"\$PWD\" \"\$@\""
        } >"$wine"
    else
        printf '#!/bin/sh\nexec wine "$@"\n' >"$wine"
    fi
    chmod +x "$wine"
    mkdir -p "$(dirname "$WINEPREFIX")"
    "$wine" wineboot --init >"$work/wineboot.log" 2>&1 || { cat "$work/wineboot.log"; return 1; }
}

# Makes the Debian with the 32 bit Wine, once. As root.
make_wine_root() {
    [ ! -e "$wine_root/usr/lib/wine/wine" ] || return 0
    local new=$wine_root.new
    echo "windows: building a Debian for i386 with Wine"
    rm -rf "$new"
    mkdir -p "$new"
    debootstrap --arch=i386 --variant=minbase bookworm "$new" "$("$root/scripts/debian-mirror.sh" bookworm)" \
        >"$root/build/wine/debootstrap.log" 2>&1 || { tail -n 5 "$root/build/wine/debootstrap.log"; return 1; }
    apt-config dump Acquire | grep -iE '::proxy' >"$new/etc/apt/apt.conf.d/90host" || true
    DEBIAN_FRONTEND=noninteractive chroot "$new" \
        apt-get install -y -qq --no-install-recommends wine wine32 >"$root/build/wine/apt.log" 2>&1 || {
        tail -n 5 "$root/build/wine/apt.log"
        return 1
    }
    rm -rf "$new"/var/cache/apt/archives/*.deb
    mv "$new" "$wine_root"
}

# Makes the project visible in that Debian, under the same path. The mounts end with this shell's namespace.
mount_wine_root() {
    mkdir -p "$wine_root$root"
    mount --bind "$root" "$wine_root$root"
    mount --rbind /dev "$wine_root/dev"
    mount --bind /proc "$wine_root/proc"
}

# The path of a file as Windows has it. Z: is the folder /.
windows_path() {
    local path=Z:$1
    echo "${path//\//\\}"
}
