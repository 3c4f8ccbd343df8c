#!/usr/bin/env bash
# Installs into an empty folder and builds a program against what is there, shared and static, as a
# stranger would.
set -euo pipefail
prefix=$(mktemp -d)
trap 'rm -rf "$prefix"' EXIT
make --no-print-directory install PREFIX="$prefix" >/dev/null

cat >"$prefix/program.c" <<'EOF'
#include <flexpay.h>
#include <stdio.h>

int main(void) {
    if (flexpay_abi_version() != FLEXPAY_ABI_VERSION) {
        return 1;
    }
    printf("flexpay %s\n", flexpay_version());
    return 0;
}
EOF
compile=("${CC:-cc}" -std=c99 -Wall -Wextra -Werror "$prefix/program.c")
said=$(PKG_CONFIG_PATH="$prefix/lib/pkgconfig" pkg-config --cflags --libs flexpay)
read -ra flags <<<"$said"
"${compile[@]}" -o "$prefix/shared" "${flags[@]}" -Wl,-rpath,"$prefix/lib"
"${compile[@]}" -o "$prefix/static" -I"$prefix/include" "$prefix/lib/libflexpay.a" -lpthread -ldl -lm
echo "installed: shared says $("$prefix/shared"), static says $("$prefix/static")"
