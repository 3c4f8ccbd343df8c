#!/usr/bin/env bash
# Tests the README's first payment in one language: saves the program under the name given in the README,
# runs the commands of the README's console blocks against a sandbox, and pays the payment.
#
#   scripts/test-readme.sh c|cpp [root]
#   scripts/test-readme.sh php|python|rust|shell
#
# FLEXPAY_LIB_DIR   the folder with the built library
# SANDBOX_BIN       the built sandbox
# FLEXPAY_PROGRAM   the built program (build/bin/flexpay)
#
# "root" runs the commands that install for all users: only for a clean Debian (test-in-debian.sh).
# The Python tests run the pip command, because they have the packages that it downloads.
set -euo pipefail
cd "$(dirname "$0")/.."
project=$PWD
language=$1
who=${2:-user}

work=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$work"' EXIT

fail() {
    echo "test-readme.sh: $language: $1" >&2
    exit 1
}

# section TITLE: prints the section of the README, up to the next title.
section() {
    awk -v title="$1" '/^#/ && !fence { inside = ($0 == title) } /^```/ { fence = !fence } inside' README.md
}

# block N KIND: prints the Nth fenced block of that kind in stdin.
block() {
    awk -v wanted="$1" -v fence="\`\`\`$2" '
        inside && /^```/ { exit }
        inside { print }
        $0 == fence && ++seen == wanted { inside = 1 }'
}

# save_program TITLE KIND FILE: saves the program of a section as FILE, the name that the section gives.
save_program() {
    section "$1" | grep -qF "\`$3\`" || fail "the section \"$1\" does not mention $3"
    section "$1" | block 1 "$2" >"$checkout/$3"
    [ -s "$checkout/$3" ] || fail "the section \"$1\" has no program"
}

# commands TITLE N: prints the commands in the Nth console block of a section.
commands() {
    local found
    found=$(section "$1" | block "$2" console | sed -n 's/^\$ //p')
    [ -n "$found" ] || fail "the section \"$1\" has no console block $2"
    echo "$found"
}

# Prints the commands that install the library, without building it: it is built already.
install_commands() {
    case $who in
        root) commands "### C" 1 | grep -vx "make build cli sandbox" ;;
        user) commands "### C" 2 ;;
    esac
}

# Works in a copy of the checkout with its own home folder: files of a developer who followed the README
# are neither used nor overwritten.
checkout=$work/flexpay
mkdir "$checkout" "$work/home" "$work/bin"
for part in README.md Makefile Cargo.toml LICENSE-MIT LICENSE-APACHE bindings build include scripts target; do
    ln -s "$project/$part" "$checkout/"
done
export CARGO_HOME=${CARGO_HOME:-$HOME/.cargo} RUSTUP_HOME=${RUSTUP_HOME:-$HOME/.rustup} HOME=$work/home
# Use what is built: in another folder, cargo would rebuild everything.
export CARGO=no-such-cargo

start=$(commands "## Take a first payment" 1 | grep 'flexpay-sandbox ')
ports=()
if [ "$who" = root ]; then
    # A clean Debian has only root, and no sudo.
    command -v sudo >/dev/null || {
        printf '#!/bin/sh\nexec "$@"\n' >"$work/bin/sudo"
        chmod +x "$work/bin/sudo"
        PATH=$PATH:$work/bin
    }
else
    # The default ports may be in use.
    ports=(--http 127.0.0.1:0 --https 127.0.0.1:0)
fi
cd "$checkout"
# Run the sandbox under test in place of the one in the command.
[[ $start == "target/debug/flexpay-sandbox "* ]] || fail "unexpected command to start the sandbox: $start"
read -ra options <<<"${start#* }"
"$SANDBOX_BIN" "${options[@]}" "${ports[@]}" >"$work/sandbox.log" 2>&1 &
for ((tries = 0; tries < 200; tries++)); do
    [ ! -s flexpay.env ] || break
    sleep 0.05
done
[ -s flexpay.env ] || { cat "$work/sandbox.log" >&2; fail "the sandbox did not start"; }
read_settings=$(commands "## Take a first payment" 2)

case $language in
    c)
        save_program "### C" c shop.c
        script=$(install_commands && commands "### C" 3)
        ;;
    cpp)
        save_program "### C++" cpp shop.cpp
        script=$(install_commands && commands "### C++" 1)
        ;;
    php)
        save_program "### PHP" php shop.php
        script=$(commands "### PHP" 1)
        ;;
    python)
        save_program "### Python" python shop.py
        # Use the package under test in place of the one that pip would install.
        mkdir -p venv/bin
        ln -s "$(command -v python3)" venv/bin/python
        export PYTHONPATH=$project/bindings/python FLEXPAY_LIBRARY=$FLEXPAY_LIB_DIR/libflexpay.so
        script=$(commands "### Python" 1 | sed '/-m venv\|pip install/d')
        ;;
    rust)
        section "### Rust" | block 1 rust | diff - "$project/examples/rust/minimal.rs" || fail "the program differs from minimal.rs"
        script="cd '$project'"$'\n'$(commands "### Rust" 1)
        ;;
    shell)
        save_program "### Shell, and every other language" sh shop.sh
        ln -s "${FLEXPAY_PROGRAM:-$project/build/bin/flexpay}" "$work/bin/flexpay"
        PATH=$work/bin:$PATH
        script=$(commands "### Shell, and every other language" 1)
        ;;
    *) fail "unknown language" ;;
esac

# Without the environment variables of our tests, which a user does not have.
env -u LD_LIBRARY_PATH -u FLEXPAY_LIB_DIR bash -e >"$work/stdout" 2>"$work/stderr" <<END || { cat "$work/stderr" >&2; fail "the commands of the README fail"; }
$read_settings
$script
END
address=$(tail -n 1 "$work/stdout")
[[ $address == http* ]] || fail "the program did not print an address for the customer: $address"
"$SANDBOX_BIN" customer approve "$address" >"$work/customer"
grep -q shop.example/thanks "$work/customer" || { cat "$work/customer" >&2; fail "the customer was not sent to the shop's page"; }
echo "readme: $language ($who): the program in the README takes a payment"
