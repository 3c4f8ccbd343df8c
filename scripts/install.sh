#!/usr/bin/env bash
# Installs the files that were built, or removes them; for `make install` and `make uninstall`.
#
#   scripts/install.sh [--remove]
#
# PREFIX            where to install
# DESTDIR           put before PREFIX, to stage a package (none)
# VERSION           of the library
# FLEXPAY_LIB_DIR   the folder with the built library
# SANDBOX_BIN       the built sandbox
# FLEXPAY_PROGRAM   the built program flexpay
set -euo pipefail
cd "$(dirname "$0")/.."
: "${PREFIX:?}" "${VERSION:?}" "${FLEXPAY_LIB_DIR:?}" "${SANDBOX_BIN:?}" "${FLEXPAY_PROGRAM:?}"
prefix=$(realpath -ms "$PREFIX")
to=${DESTDIR:-}$prefix
man=$to/share/man/man1
major=${VERSION%%.*}

# The installed files: kind|source|target under the prefix. The man pages are in $man as well.
files() {
    cat <<END
program|$FLEXPAY_PROGRAM|bin/flexpay
program|$SANDBOX_BIN|bin/flexpay-sandbox
library|$FLEXPAY_LIB_DIR/libflexpay.so.$major|lib/libflexpay.so.$major
link|libflexpay.so.$major|lib/libflexpay.so
data|$FLEXPAY_LIB_DIR/libflexpay.a|lib/libflexpay.a
data|include/flexpay.h|include/flexpay.h
data|include/flexpay.hpp|include/flexpay.hpp
generated|pkg_config|lib/pkgconfig/flexpay.pc
generated|cmake_config|lib/cmake/flexpay/flexpayConfig.cmake
generated|cmake_version|lib/cmake/flexpay/flexpayConfigVersion.cmake
generated|bash_completions|share/bash-completion/completions/flexpay
generated|zsh_completions|share/zsh/site-functions/_flexpay
generated|fish_completions|share/fish/vendor_completions.d/flexpay.fish
data|LICENSE-MIT|share/doc/flexpay/LICENSE-MIT
data|LICENSE-APACHE|share/doc/flexpay/LICENSE-APACHE
END
}

bash_completions() { "$FLEXPAY_PROGRAM" completions bash; }
zsh_completions() { "$FLEXPAY_PROGRAM" completions zsh; }
fish_completions() { "$FLEXPAY_PROGRAM" completions fish; }

# With another prefix, programs need a run path to find the library without LD_LIBRARY_PATH. The system's
# dynamic linker searches /usr/lib and /usr/local/lib itself.
rpath_flag() {
    case "$prefix" in
        /usr | /usr/local) ;;
        *) echo " -Wl,-rpath,\${libdir}" ;;
    esac
}

pkg_config() {
    cat <<END
prefix=$prefix
libdir=\${prefix}/lib
includedir=\${prefix}/include

Name: flexpay
Description: Payments through FlexPay
Version: $VERSION
Cflags: -I\${includedir}
Libs: -L\${libdir} -lflexpay$(rpath_flag)
Libs.private: -lpthread -ldl -lm
END
}

cmake_config() {
    cat <<END
# find_package(flexpay) defines flexpay::flexpay (the shared library) and flexpay::static.
get_filename_component(_flexpay_prefix "\${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)
if(NOT TARGET flexpay::flexpay)
  add_library(flexpay::flexpay SHARED IMPORTED)
  set_target_properties(flexpay::flexpay PROPERTIES
    IMPORTED_LOCATION "\${_flexpay_prefix}/lib/libflexpay.so.$major"
    IMPORTED_SONAME "libflexpay.so.$major"
    INTERFACE_INCLUDE_DIRECTORIES "\${_flexpay_prefix}/include")
  add_library(flexpay::static STATIC IMPORTED)
  set_target_properties(flexpay::static PROPERTIES
    IMPORTED_LOCATION "\${_flexpay_prefix}/lib/libflexpay.a"
    INTERFACE_INCLUDE_DIRECTORIES "\${_flexpay_prefix}/include"
    INTERFACE_LINK_LIBRARIES "pthread;dl;m")
endif()
unset(_flexpay_prefix)
END
}

# Versions with the same major number are compatible.
cmake_version() {
    cat <<END
set(PACKAGE_VERSION "${VERSION%%-*}")
if(PACKAGE_FIND_VERSION VERSION_GREATER PACKAGE_VERSION
    OR NOT PACKAGE_FIND_VERSION_MAJOR STREQUAL "$major")
  set(PACKAGE_VERSION_COMPATIBLE FALSE)
else()
  set(PACKAGE_VERSION_COMPATIBLE TRUE)
  if(PACKAGE_FIND_VERSION VERSION_EQUAL PACKAGE_VERSION)
    set(PACKAGE_VERSION_EXACT TRUE)
  endif()
endif()
END
}

# Lets the dynamic linker find a new library. Not with DESTDIR: a package runs ldconfig when it is installed.
run_ldconfig() {
    if [ -z "${DESTDIR:-}" ] && [ "$(id -u)" -eq 0 ]; then
        PATH=$PATH:/sbin:/usr/sbin ldconfig
    fi
}

install_all() {
    local kind source target
    while IFS='|' read -r kind source target; do
        mkdir -p "$(dirname "$to/$target")"
        case $kind in
            program) install -s -m 755 "$source" "$to/$target" ;;
            library) install -m 755 "$source" "$to/$target" ;;
            data) install -m 644 "$source" "$to/$target" ;;
            link) ln -sf "$source" "$to/$target" ;;
            generated)
                "$source" >"$to/$target.new"
                install -m 644 "$to/$target.new" "$to/$target"
                rm "$to/$target.new"
                ;;
        esac
    done < <(files)
    mkdir -p "$man"
    "$FLEXPAY_PROGRAM" man "$man"
    run_ldconfig
    echo "Installed in $to. To compile a program:  cc shop.c \$(pkg-config --cflags --libs flexpay) -o shop"
    case "$prefix" in
        /usr | /usr/local) ;;
        *)
            echo "To let pkg-config and the shell find it:"
            echo "  export PKG_CONFIG_PATH=$prefix/lib/pkgconfig"
            echo "  export PATH=$prefix/bin:\$PATH"
            ;;
    esac
}

remove_all() {
    local target removed=0
    while IFS='|' read -r _ _ target; do
        [ ! -e "$to/$target" ] && [ ! -L "$to/$target" ] && continue
        rm -f "$to/$target"
        removed=$((removed + 1))
    done < <(files)
    rm -f "$man"/flexpay.1 "$man"/flexpay-*.1
    if [ "$removed" -eq 0 ]; then
        echo "No file of flexpay is in $to. If you installed with another PREFIX: make uninstall PREFIX=…"
        return
    fi
    # The folders that only flexpay uses; the others are shared.
    rmdir "$to/lib/cmake/flexpay" "$to/share/doc/flexpay" 2>/dev/null || true
    run_ldconfig
    echo "Removed from $to"
}

case "${1:-}" in
    --remove) remove_all ;;
    *) install_all ;;
esac
