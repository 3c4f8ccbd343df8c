#!/usr/bin/env bash
# Writes what a program is linked with to use flexpay.dll: flexpay.def, the list of its functions; libflexpay.dll.a,
# for mingw; flexpay.lib, for MSVC.
#
#   packaging/import-libraries.sh TOOLS FOLDER      TOOLS: x86_64-w64-mingw32 or i686-w64-mingw32
set -euo pipefail
tools=$1
cd "$2"

{
    echo "LIBRARY flexpay.dll"
    echo "EXPORTS"
    "$tools-objdump" -p flexpay.dll | sed -n 's/^\t\[ *[0-9]*\].* \(flexpay_[a-z0-9_]*\)$/    \1/p' | LC_ALL=C sort
} >flexpay.def
"$tools-dlltool" --deterministic-libraries --input-def flexpay.def \
    --output-lib libflexpay.dll.a
case $tools in
    x86_64-*) machine=i386:x86-64 ;;
    *) machine=i386 ;;
esac
# LLVM's dlltool writes the short format of Microsoft's linker.
llvm-dlltool -m "$machine" -d flexpay.def -l flexpay.lib
