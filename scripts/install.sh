#!/usr/bin/env bash
# Installs the files that were built, or removes them; for `make install`, `make uninstall` and the packages.
#
#   scripts/install.sh [--remove]
#
# PREFIX            where to install
# LIBDIR            the folder of the libraries in it (lib)
# DESTDIR           put before PREFIX, to stage a package (none)
# VERSION           of the library
# RELOCATABLE       1: the prefix may be moved afterwards, as that of an archive
# FLEXPAY_LIB_DIR   the folder with the built library: for Linux or, with flexpay.dll in it, for Windows
# SANDBOX_BIN       the built sandbox
# FLEXPAY_PROGRAM   the built program flexpay
# RUN_PROGRAM       the program flexpay that writes the completions and man pages: one for this machine
# RUN_SANDBOX       the same for the man pages of the sandbox
# STRIP             the command that strips a program (strip)
set -euo pipefail
cd "$(dirname "$0")/.."
: "${PREFIX:?}" "${VERSION:?}" "${FLEXPAY_LIB_DIR:?}" "${SANDBOX_BIN:?}" "${FLEXPAY_PROGRAM:?}"
run_program=${RUN_PROGRAM:-$FLEXPAY_PROGRAM}
run_sandbox=${RUN_SANDBOX:-$SANDBOX_BIN}
prefix=$(realpath -ms "$PREFIX")
libdir=${LIBDIR:-lib}
to=${DESTDIR:-}$prefix
man=$to/share/man/man1
major=${VERSION%%.*}

is_windows() { [ -e "$FLEXPAY_LIB_DIR/flexpay.dll" ]; }

# The installed files: kind|source|target under the prefix. The man pages are in $man as well.
files() {
    local exe=''
    if is_windows; then
        exe=.exe
        # Beside the programs: Windows looks for a library there.
        cat <<END
library|$FLEXPAY_LIB_DIR/flexpay.dll|bin/flexpay.dll
data|$FLEXPAY_LIB_DIR/flexpay.def|$libdir/flexpay.def
data|$FLEXPAY_LIB_DIR/flexpay.lib|$libdir/flexpay.lib
data|$FLEXPAY_LIB_DIR/libflexpay.dll.a|$libdir/libflexpay.dll.a
END
    else
        cat <<END
library|$FLEXPAY_LIB_DIR/libflexpay.so.$major|$libdir/libflexpay.so.$major
link|libflexpay.so.$major|$libdir/libflexpay.so
generated|bash_completions|share/bash-completion/completions/flexpay
generated|zsh_completions|share/zsh/site-functions/_flexpay
generated|fish_completions|share/fish/vendor_completions.d/flexpay.fish
END
    fi
    cat <<END
program|$FLEXPAY_PROGRAM|bin/flexpay$exe
program|$SANDBOX_BIN|bin/flexpay-sandbox$exe
data|$FLEXPAY_LIB_DIR/libflexpay.a|$libdir/libflexpay.a
data|include/flexpay.h|include/flexpay.h
data|include/flexpay.hpp|include/flexpay.hpp
generated|pkg_config|$libdir/pkgconfig/flexpay.pc
generated|cmake_config|$libdir/cmake/flexpay/flexpayConfig.cmake
generated|cmake_version|$libdir/cmake/flexpay/flexpayConfigVersion.cmake
data|LICENSE-MIT|share/doc/flexpay/LICENSE-MIT
data|LICENSE-APACHE|share/doc/flexpay/LICENSE-APACHE
END
}

bash_completions() { "$run_program" completions bash; }
zsh_completions() { "$run_program" completions zsh; }
fish_completions() { "$run_program" completions fish; }

# What a program that is linked with the static library also needs.
static_libraries() {
    if is_windows; then
        echo "ws2_32 bcrypt crypt32 advapi32 ntdll userenv dbghelp"
    else
        echo "pthread dl m"
    fi
}

# The system's dynamic linker searches /usr/lib and /usr/local/lib itself. With another prefix, a program needs a
# run path to find the library without LD_LIBRARY_PATH.
rpath_flag() {
    case "$prefix" in
        /usr | /usr/local) ;;
        *) is_windows || echo " -Wl,-rpath,\${libdir}" ;;
    esac
}

pkg_config() {
    local root=$prefix libraries
    libraries=$(static_libraries)
    # pkg-config sets pcfiledir to the folder of this file.
    [ "${RELOCATABLE:-}" != 1 ] || root="\${pcfiledir}/$(realpath -m --relative-to="/$libdir/pkgconfig" /)"
    cat <<END
prefix=$root
libdir=\${prefix}/$libdir
includedir=\${prefix}/include

Name: flexpay
Description: Payments through FlexPay
URL: https://flexpay.cd
Version: $VERSION
Cflags: -I\${includedir}
Libs: -L\${libdir} -lflexpay$(rpath_flag)
Libs.private: -l${libraries// / -l}
END
}

cmake_config() {
    local libraries
    libraries=$(static_libraries)
    cat <<END
# find_package(flexpay) defines flexpay::flexpay (the shared library) and flexpay::static.
get_filename_component(_flexpay_prefix "\${CMAKE_CURRENT_LIST_DIR}/$(realpath -m --relative-to="/$libdir/cmake/flexpay" /)" ABSOLUTE)
if(NOT TARGET flexpay::flexpay)
  add_library(flexpay::flexpay SHARED IMPORTED)
  set_target_properties(flexpay::flexpay PROPERTIES
$(if is_windows; then cmake_dll; else cmake_so; fi)
    INTERFACE_INCLUDE_DIRECTORIES "\${_flexpay_prefix}/include")
  add_library(flexpay::static STATIC IMPORTED)
  set_target_properties(flexpay::static PROPERTIES
    IMPORTED_LOCATION "\${_flexpay_prefix}/$libdir/libflexpay.a"
    INTERFACE_INCLUDE_DIRECTORIES "\${_flexpay_prefix}/include"
    INTERFACE_LINK_LIBRARIES "${libraries// /;}")
endif()
unset(_flexpay_prefix)
END
}

cmake_so() {
    cat <<END
    IMPORTED_LOCATION "\${_flexpay_prefix}/$libdir/libflexpay.so.$major"
    IMPORTED_SONAME "libflexpay.so.$major"
END
}

cmake_dll() {
    cat <<END
    IMPORTED_LOCATION "\${_flexpay_prefix}/bin/flexpay.dll"
    IMPORTED_IMPLIB "\${_flexpay_prefix}/$libdir/\$<IF:\$<BOOL:\${MSVC}>,flexpay.lib,libflexpay.dll.a>"
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

install_files() {
    local kind source target
    while IFS='|' read -r kind source target; do
        mkdir -p "$(dirname "$to/$target")"
        case $kind in
            program) install -s --strip-program="${STRIP:-strip}" -m 755 "$source" "$to/$target" ;;
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
    if ! is_windows; then
        mkdir -p "$man"
        "$run_program" man "$man"
        "$run_sandbox" man "$man"
    fi
}

install_all() {
    install_files
    run_ldconfig
    [ -z "${DESTDIR:-}" ] || return 0
    echo "Installed in $to. To compile a program:  cc shop.c \$(pkg-config --cflags --libs flexpay) -o shop"
    case "$prefix" in
        /usr | /usr/local) ;;
        *)
            echo "To let pkg-config and the shell find it:"
            echo "  export PKG_CONFIG_PATH=$prefix/$libdir/pkgconfig"
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
    rmdir "$to/$libdir/cmake/flexpay" "$to/share/doc/flexpay" 2>/dev/null || true
    run_ldconfig
    echo "Removed from $to"
}

case "${1:-}" in
    --remove) remove_all ;;
    *) install_all ;;
esac
