#!/usr/bin/env bash
# Installs what was built, or removes it again; for `make install` and `make uninstall`.
#
#   scripts/install.sh [--remove]     (PREFIX, DESTDIR, VERSION, FLEXPAY_LIB_DIR, SANDBOX_BIN)
#
# Everything that is installed stands in the list below, once.
set -euo pipefail
cd "$(dirname "$0")/.."
: "${PREFIX:?}" "${VERSION:?}" "${FLEXPAY_LIB_DIR:?}" "${SANDBOX_BIN:?}"
prefix=$(realpath -ms "$PREFIX")
to=${DESTDIR:-}$prefix
major=${VERSION%%.*}

# How | what | where to, under the prefix.
files() {
    cat <<END
program|$SANDBOX_BIN|bin/flexpay-sandbox
library|$FLEXPAY_LIB_DIR/libflexpay.so.$major|lib/libflexpay.so.$major
link|libflexpay.so.$major|lib/libflexpay.so
data|$FLEXPAY_LIB_DIR/libflexpay.a|lib/libflexpay.a
data|include/flexpay.h|include/flexpay.h
data|include/flexpay.hpp|include/flexpay.hpp
made|pkg_config|lib/pkgconfig/flexpay.pc
made|cmake_config|lib/cmake/flexpay/flexpayConfig.cmake
made|cmake_version|lib/cmake/flexpay/flexpayConfigVersion.cmake
data|LICENSE-MIT|share/doc/flexpay/LICENSE-MIT
data|LICENSE-APACHE|share/doc/flexpay/LICENSE-APACHE
END
}

# In a prefix of its own the library is found by the program that was linked with it, without
# LD_LIBRARY_PATH. The linker of the system knows its own two.
run_path() {
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
Libs: -L\${libdir} -lflexpay$(run_path)
Libs.private: -lpthread -ldl -lm
END
}

cmake_config() {
    cat <<END
# find_package(flexpay) gives flexpay::flexpay, the shared library, and flexpay::static.
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

# Versions with the same first number fit each other.
cmake_version() {
    cat <<END
set(PACKAGE_VERSION "$VERSION")
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

# The system's linker finds a new library when its list is made anew. A package does that itself.
renew_linker_list() {
    if [ -z "${DESTDIR:-}" ] && [ "$(id -u)" -eq 0 ]; then
        PATH=$PATH:/sbin:/usr/sbin ldconfig
    fi
}

install_all() {
    local how what where
    while IFS='|' read -r how what where; do
        mkdir -p "$(dirname "$to/$where")"
        case $how in
            program) install -s -m 755 "$what" "$to/$where" ;;
            library) install -m 755 "$what" "$to/$where" ;;
            data) install -m 644 "$what" "$to/$where" ;;
            link) ln -sf "$what" "$to/$where" ;;
            made)
                "$what" >"$to/$where.new"
                install -m 644 "$to/$where.new" "$to/$where"
                rm "$to/$where.new"
                ;;
        esac
    done < <(files)
    renew_linker_list
    echo "Installed in $to. To compile a program:  cc shop.c \$(pkg-config --cflags --libs flexpay) -o shop"
    case "$prefix" in
        /usr | /usr/local) ;;
        *)
            echo "So that pkg-config and the shell find it:"
            echo "  export PKG_CONFIG_PATH=$prefix/lib/pkgconfig"
            echo "  export PATH=$prefix/bin:\$PATH"
            ;;
    esac
}

remove_all() {
    local where removed=0
    while IFS='|' read -r _ _ where; do
        [ ! -e "$to/$where" ] && [ ! -L "$to/$where" ] && continue
        rm -f "$to/$where"
        removed=$((removed + 1))
    done < <(files)
    if [ "$removed" -eq 0 ]; then
        echo "There is nothing of flexpay in $to. Installed with another PREFIX? Give it: make uninstall PREFIX=…"
        return
    fi
    # Folders of flexpay's own; the others are for everybody.
    rmdir "$to/lib/cmake/flexpay" "$to/share/doc/flexpay" 2>/dev/null || true
    renew_linker_list
    echo "Removed from $to"
}

case "${1:-}" in
    --remove) remove_all ;;
    *) install_all ;;
esac
