#!/usr/bin/env bash
# Does what the README says, as it stands there: each program is saved under the name that the README
# gives it, each line of its consoles is typed, in a sandbox with the sandbox's own settings; and the
# payment that comes of it is paid.
#
#   scripts/readme.sh c [root]      (FLEXPAY_LIB_DIR, SANDBOX_BIN)
#   scripts/readme.sh cpp [root] | php | python | rust
#
# "root" types the lines for root, which install for all users: for an empty Debian (bare.sh).
# pip's line is typed by the Python tests, which have what it downloads.
set -euo pipefail
cd "$(dirname "$0")/.."
project=$PWD
language=$1
who=${2:-user}

work=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$work"' EXIT

fail() {
    echo "readme.sh: $language: $1" >&2
    exit 1
}

# section TITLE: what stands below it, up to the next title.
section() {
    awk -v title="$1" '/^#/ && !fence { inside = ($0 == title) } /^```/ { fence = !fence } inside' README.md
}

# block N KIND: the Nth fenced block of that kind, of what is read.
block() {
    awk -v wanted="$1" -v fence="\`\`\`$2" '
        inside && /^```/ { exit }
        inside { print }
        $0 == fence && ++seen == wanted { inside = 1 }'
}

# program TITLE KIND FILE: saves the program of a section under the name that it gives.
program() {
    section "$1" | grep -qF "\`$3\`" || fail "its section does not name $3"
    section "$1" | block 1 "$2" >"$here/$3"
    [ -s "$here/$3" ] || fail "there is no program"
}

# lines TITLE N: what the Nth console of a section types.
lines() {
    local typed
    typed=$(section "$1" | block "$2" console | sed -n 's/^\$ //p')
    [ -n "$typed" ] || fail "the section \"$1\" has no console $2"
    echo "$typed"
}

# What installs the library. It is built already.
install_lines() {
    case $who in
        root) lines "### C" 1 | grep -vx "make build sandbox" ;;
        user) lines "### C" 2 ;;
    esac
}

# The reader's folder: a fresh checkout, and a home of one's own. What somebody who followed the README
# has left in the real one is not in it, and is not written over.
here=$work/flexpay
mkdir "$here" "$work/home" "$work/bin"
for part in README.md Makefile Cargo.toml LICENSE-MIT LICENSE-APACHE bindings build include scripts target; do
    ln -s "$project/$part" "$here/"
done
export CARGO_HOME=${CARGO_HOME:-$HOME/.cargo} RUSTUP_HOME=${RUSTUP_HOME:-$HOME/.rustup} HOME=$work/home
# In another folder cargo would build everything anew: what is built is taken.
export CARGO=no-cargo

start=$(lines "## Take a first payment" 1 | grep 'flexpay-sandbox ')
ports=()
if [ "$who" = root ]; then
    # An empty Debian has one user, and no sudo.
    command -v sudo >/dev/null || {
        printf '#!/bin/sh\nexec "$@"\n' >"$work/bin/sudo"
        chmod +x "$work/bin/sudo"
        PATH=$PATH:$work/bin
    }
else
    # Elsewhere its usual ports may be taken.
    ports=(--http 127.0.0.1:0 --https 127.0.0.1:0)
fi
cd "$here"
# The sandbox under test stands for the one that the line names.
[[ $start == "target/debug/flexpay-sandbox "* ]] || fail "the sandbox is started otherwise: $start"
read -ra options <<<"${start#* }"
"$SANDBOX_BIN" "${options[@]}" "${ports[@]}" >"$work/sandbox.log" 2>&1 &
for ((tries = 0; tries < 200; tries++)); do
    [ ! -s flexpay.env ] || break
    sleep 0.05
done
[ -s flexpay.env ] || { cat "$work/sandbox.log" >&2; fail "the sandbox did not start"; }
take_over=$(lines "## Take a first payment" 2)

case $language in
    c)
        program "### C" c shop.c
        typed=$(install_lines && lines "### C" 3)
        ;;
    cpp)
        program "### C++" cpp shop.cpp
        typed=$(install_lines && lines "### C++" 1)
        ;;
    php)
        program "### PHP" php shop.php
        typed=$(lines "### PHP" 1)
        ;;
    python)
        program "### Python" python shop.py
        # The package under test stands for the one that pip would install.
        mkdir -p venv/bin
        ln -s "$(command -v python3)" venv/bin/python
        export PYTHONPATH=$project/bindings/python FLEXPAY_LIBRARY=$FLEXPAY_LIB_DIR/libflexpay.so
        typed=$(lines "### Python" 1 | sed '/-m venv\|pip install/d')
        ;;
    rust)
        section "### Rust" | block 1 rust | diff - "$project/examples/rust/minimal.rs" || fail "minimal.rs is another program"
        typed="cd '$project'"$'\n'$(lines "### Rust" 1)
        ;;
    *) fail "no such language" ;;
esac

# A reader's shell has none of the settings that our own tests have.
env -u LD_LIBRARY_PATH -u FLEXPAY_LIB_DIR bash -e >"$work/said" 2>"$work/complained" <<END || { cat "$work/complained" >&2; fail "the lines of the README fail"; }
$take_over
$typed
END
address=$(tail -n 1 "$work/said")
[[ $address == http* ]] || fail "no address for the customer: $address"
"$SANDBOX_BIN" customer approve "$address" >"$work/story"
grep -q shop.example/thanks "$work/story" || { cat "$work/story" >&2; fail "the customer did not come to the shop's page"; }
echo "readme: $language ($who): the program took a payment, as written"
