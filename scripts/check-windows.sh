#!/usr/bin/env bash
# Checks the library and the programs for Windows:
# - they import only from DLLs that Windows 7 has, and no function that is newer;
# - flexpay.dll exports the functions of the header, and nothing else;
# - flexpay.def, and the import libraries for MSVC and mingw, have the same functions;
# - the times in the files are fixed: the same sources give the same bytes.
#
#   scripts/check-windows.sh HEADER FOLDER      FOLDER: build/platforms/windows-x86_64
set -euo pipefail
header=$1
folder=$2
windows_7=$(dirname "$0")/windows-7.txt
export LC_ALL=C

fail() {
    echo "$1" >&2
    exit 1
}

# What a program imports: "dll function", in lower and original case, one a line.
imports() {
    llvm-readobj --coff-imports "$1" | awk '
        /^ *Name:/ { dll = tolower($2) }
        /^ *Symbol:/ { print dll, $2 }'
}

for file in "$folder"/lib/flexpay.dll "$folder"/bin/flexpay.exe "$folder"/bin/flexpay-sandbox.exe; do
    imported=$(imports "$file")
    [ -n "$imported" ] || fail "$file: imports nothing"
    new=$(sort -u <<<"$imported" | grep -vxFf <(grep -v '^#' "$windows_7")) || true
    [ -z "$new" ] || fail "$file: imports what is not in $windows_7:
$new"
    llvm-readobj --file-headers "$file" | grep -q 'TimeDateStamp: .*(0x0)' ||
        fail "$file: has the time of its build"
    echo "windows: ${file##*/} imports $(wc -l <<<"$imported") functions, from $(cut -d ' ' -f 1 <<<"$imported" | sort -u | paste -sd ' ')"
done

# same NAME FUNCTIONS: they must be those of the header.
declared=$(grep -v '^//' "$header" | grep -oE '\bflexpay_[a-z_]+\(' | tr -d '(' | grep -v '^flexpay_init$' | sort -u)
same() {
    [ "$declared" = "$2" ] || {
        diff <(echo "$declared") <(echo "$2") >&2 || true
        fail "$folder/lib/$1: has other functions than the header declares (< header, > file)"
    }
}
# Both import libraries have a name for each function, and one for the pointer to it. 32 bit names begin with
# an underscore.
of_import_library() {
    llvm-nm --defined-only "$folder/lib/$1" 2>/dev/null |
        sed -nE 's/^[0-9a-f]* T _?(flexpay_[a-z_]+)$/\1/p' | sort -u
}
same flexpay.dll "$(llvm-readobj --coff-exports "$folder/lib/flexpay.dll" | awk '/^ *Name:/ { print $2 }' | sort -u)"
same flexpay.def "$(sed -n 's/^ \{1,\}//p' "$folder/lib/flexpay.def" | sort -u)"
same libflexpay.dll.a "$(of_import_library libflexpay.dll.a)"
same flexpay.lib "$(of_import_library flexpay.lib)"
echo "windows: flexpay.dll, flexpay.def, libflexpay.dll.a and flexpay.lib have the $(wc -l <<<"$declared") functions of the header"
