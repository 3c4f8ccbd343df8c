#!/usr/bin/env bash
# Proves in a bare Debian 12 that scripts/setup.sh names everything: a machine on which people work
# has long had more installed. As root, with the right to mount; nothing stays mounted.
#
#   scripts/bare.sh needs [NEED…]   installs each need, each in a new root, and uses it
#   scripts/bare.sh readme          types the lines of the README for C and C++, with what is built here
#   scripts/bare.sh full            clones what is committed, and runs `make demo` and `make test`
#
# BARE_NEW=1    makes the base anew, which otherwise is kept for a week
# BARE_MIRROR   Debian's mirror (that of this system's apt, if this is the same Debian)
#
# Beside the base a root holds gcc, make and this system's Rust, which can be read but not written to.
# What is reached is what the names of the package registries lead to: no other name is known in it.
set -euo pipefail
cd "$(dirname "$0")/.."
project=$PWD
bare=$project/build/bare
suite=bookworm
all=(build rust c cpp php python fuzz soak bench)

fail() {
    echo "bare.sh: $1" >&2
    exit 1
}

# A namespace of mounts and processes of its own: both end with it, however it ends.
apart() {
    # In the background, so that a signal is not kept waiting.
    unshare --mount --pid --fork --kill-child --mount-proc "$@" &
    local child=$! status=0
    wait "$child" || status=$?
    return "$status"
}

# The mirror from which apt has this Debian, if it has.
mirror() {
    local found
    # The names in $(…) are apt's.
    # shellcheck disable=SC2016
    found=$(apt-get indextargets --format '$(CODENAME) $(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
        awk -v suite="$suite" '$1 == suite { print $2; exit }') || true
    echo "${BARE_MIRROR:-${found:-http://deb.debian.org/debian}}"
}

make_base() {
    local from new=$bare/base.new
    from=$(mirror)
    echo "bare.sh: making a bare Debian ($suite)"
    rm -rf "$new"
    mkdir -p "$new"
    apart debootstrap --variant=minbase "$suite" "$new" "$from" >"$bare/base.log" 2>&1 || {
        tail -n 20 "$bare/base.log" >&2
        fail "debootstrap failed"
    }
    {
        echo "deb $from $suite main"
        echo "deb $from $suite-updates main"
        # A mirror has Debian's security updates beside Debian.
        echo "deb ${from%/debian*}/debian-security $suite-security main"
    } >"$new/etc/apt/sources.list"
    # A root that is thrown away need not survive a power failure.
    echo force-unsafe-io >"$new/etc/dpkg/dpkg.cfg.d/bare"
    # No name server is asked: see names().
    sed -i 's/^hosts:.*/hosts: files/' "$new/etc/nsswitch.conf"
    tar -C "$new" --one-file-system -cf "$bare/base.tar.new" .
    rm -rf "$new"
    mv "$bare/base.tar.new" "$bare/base.tar"
}

# The registries, and where they are now.
names() {
    local host
    echo "127.0.0.1 localhost"
    {
        printf '%s\n' deb.debian.org archive.debian.org index.crates.io static.crates.io \
            pypi.org files.pythonhosted.org
        # Those that this system is told to use instead, and its proxies.
        {
            cat "$root/etc/apt/sources.list" "$root/etc/apt/apt.conf.d/90host"
            cat "$root"/etc/pip.conf "$root"/root/.cargo/config.toml 2>/dev/null || true
            env | grep -iE '^(https?_proxy|PIP_(EXTRA_)?INDEX_URL|CARGO_REGISTRIES_.*)=' || true
        } | grep -oE 'https?://[^/"'"'"' ;]+' | sed 's|.*://||; s|.*@||; s|:[0-9]*$||'
    } | sort -u | while IFS= read -r host; do
        getent ahosts "$host" | awk -v host="$host" '$2 == "STREAM" { print $1, host }' || true
    done
}

# As the registries are reached here, so they are there.
carry_settings() {
    local file roots=${CARGO_HTTP_CAINFO:-${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}}
    apt-config dump Acquire | grep -iE '::proxy' >"$root/etc/apt/apt.conf.d/90host" || true
    for file in "${PIP_CONFIG_FILE:-}" "$HOME/.config/pip/pip.conf" "$HOME/.pip/pip.conf" /etc/pip.conf; do
        if [ -f "$file" ]; then
            install -m 600 "$file" "$root/etc/pip.conf"
            break
        fi
    done
    mkdir -p "$root/root/.cargo"
    file=${CARGO_HOME:-$HOME/.cargo}/config.toml
    [ ! -f "$file" ] || install -m 600 "$file" "$root/root/.cargo/"
    # Under another name than Debian's, which a test that wants the package must not find.
    if [ -s "$roots" ]; then
        cp -L "$roots" "$root/etc/roots-of-the-registries.pem"
        echo 'Acquire::https::CaInfo "/etc/roots-of-the-registries.pem";' >>"$root/etc/apt/apt.conf.d/90host"
    fi
    names >"$root/etc/hosts"
}

new_root() {
    root=$bare/root.$$
    rm -rf "$root"
    mkdir -p "$root"
    tar -C "$root" -xf "$bare/base.tar"
    carry_settings
}

# inside COMMAND…: runs in the root, with what is mounted there.
inside() {
    local kept=() name
    for name in $(compgen -e); do
        case ${name,,} in
            http_proxy | https_proxy | no_proxy | all_proxy | pip_index_url | pip_extra_index_url | \
                pip_proxy | pip_trusted_host | pip_default_timeout | cargo_registries_* | cargo_http_proxy)
                kept+=("$name=${!name}")
                ;;
        esac
    done
    if [ -e "$root/etc/roots-of-the-registries.pem" ]; then
        kept+=("PIP_CERT=/etc/roots-of-the-registries.pem" "CARGO_HTTP_CAINFO=/etc/roots-of-the-registries.pem")
    fi
    mkdir -p "$root/opt/rust"
    # shellcheck disable=SC2016 # for the shell inside
    apart bash -euc '
        root=$1 rust=$2 archives=$3
        shift 3
        mount --bind "$rust" "$root/opt/rust"
        mount -o remount,bind,ro "$root/opt/rust"
        [ -z "$archives" ] || mount --bind "$archives" "$root/var/cache/apt/archives"
        mount --rbind /dev "$root/dev"
        mount -t proc proc "$root/proc"
        exec chroot "$root" /usr/bin/env -i "$@"' \
        bare "$root" "$rust" "$archives" \
        HOME=/root LANG=C.UTF-8 PATH=/opt/rust/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        "${kept[@]}" "$@"
}

# What a person who builds a Rust project has; gcc without what Debian merely recommends to it.
toolchain() {
    inside DEBIAN_FRONTEND=noninteractive bash -ec \
        'apt-get update -qq && apt-get install -y -qq --no-install-recommends gcc make >/dev/null' \
        >"$bare/toolchain.log" 2>&1 || {
        tail -n 20 "$bare/toolchain.log" >&2
        fail "gcc and make could not be installed"
    }
}

needs() {
    local need started failed=()
    # What was fetched for one root need not be fetched for the next. One run at a time: apt locks it.
    archives=$bare/archives
    mkdir -p "$archives/partial"
    exec 9>"$bare/needs.lock"
    flock 9
    for need in "$@"; do
        started=$SECONDS
        new_root
        mkdir -p "$root/src"
        cp -r scripts bindings/php/tests/php74.sh "$root/src/"
        # Nothing is there before: cc comes by the need that wants it.
        if inside bash -c "cd /src && scripts/setup.sh $need && scripts/bare-use.sh $need" \
            >"$bare/$need.log" 2>&1 </dev/null; then
            echo "bare.sh: $need: $(tail -n 1 "$bare/$need.log") ($((SECONDS - started)) s)"
        else
            tail -n 30 "$bare/$need.log" | sed 's/^/    /'
            echo "bare.sh: $need: FAILED"
            failed+=("$need")
        fi
    done
    echo "$(($# - ${#failed[@]})) passed, ${#failed[@]} failed"
    [ ${#failed[@]} -eq 0 ]
}

# As a user of the library has it: compilers, and no Rust.
readme() {
    local language who log=$bare/readme.log
    archives=$bare/archives
    mkdir -p "$archives/partial"
    new_root
    inside DEBIAN_FRONTEND=noninteractive bash -ec 'apt-get update -qq &&
        apt-get install -y -qq --no-install-recommends g++ make pkg-config >/dev/null' >"$log" 2>&1 ||
        { tail -n 20 "$log" >&2; fail "the compilers could not be installed"; }
    mkdir -p "$root/src/flexpay/build" "$root/src/flexpay/target/debug"
    git ls-files -co --exclude-standard -z | tar -c --null -T - | tar -x -C "$root/src/flexpay"
    cp -r build/lib "$root/src/flexpay/build/"
    cp "${CARGO_TARGET_DIR:-target}/debug/flexpay-sandbox" "$root/src/flexpay/target/debug/"
    for language in c cpp; do
        for who in root user; do
            # shellcheck disable=SC2016 # for the shell inside
            # In the order of the README: what root installed first must not be what the user finds.
            inside FLEXPAY_LIB_DIR=/src/flexpay/build/lib \
                SANDBOX_BIN=/src/flexpay/target/debug/flexpay-sandbox \
                bash -ec 'cd /src/flexpay; scripts/readme.sh "$1" "$2"; make -s uninstall' \
                readme "$language" "$who" >>"$log" 2>&1 || { tail -n 20 "$log" >&2; fail "readme: $language, $who"; }
        done
    done
    grep '^readme:' "$log"
}

full() {
    local log=$bare/full.log status=0
    [ -z "$(git status --porcelain)" ] || echo "bare.sh: what is not committed is not tested"
    new_root
    toolchain
    # Cloned from outside: git is not among what a root has.
    git clone --quiet --no-hardlinks "$project" "$root/src/flexpay"
    echo "bare.sh: $(git rev-parse --short HEAD) in a bare Debian; all of it is in $log"
    # `make test` even if the demo fails: both are to be known.
    # shellcheck disable=SC2016 # for the shell inside
    inside bash -c 'cd /src/flexpay
        make demo; demo=$?
        make test; test=$?
        echo "make demo: exit status $demo; make test: exit status $test"
        [ "$demo" -eq 0 ] && [ "$test" -eq 0 ]' >"$log" 2>&1 </dev/null || status=$?
    head -n 15 "$log"
    echo "…"
    tail -n 40 "$log"
    return "$status"
}

scripts/setup.sh bare
[ "$(id -u)" -eq 0 ] || fail "must be root, to mount and to chroot"
apart true || fail "this system lets nobody mount: run it as root, in a container with CAP_SYS_ADMIN"
rust=$(rustc --print sysroot)
if [ ! -x "$rust/bin/cargo" ] || [ "$rust" = /usr ]; then
    fail "a toolchain of rustup is needed, in a folder of its own"
fi

mkdir -p "$bare"
root=$bare/root.$$
archives=
# Nothing is mounted outside of the namespaces, so this removes what is in the root and nothing else.
trap 'rm -rf "$root"' EXIT
trap 'kill $(jobs -p) 2>/dev/null; exit 143' INT TERM HUP
for left in "$bare"/root.*; do
    # A run that was killed could not remove its own.
    [ ! -d "$left" ] || kill -0 "${left##*.}" 2>/dev/null || rm -rf "$left"
done
if [ -n "${BARE_NEW:-}" ] || [ -z "$(find "$bare/base.tar" -mtime -7 2>/dev/null)" ]; then
    make_base
fi

case "${1:-}" in
    needs)
        shift
        [ $# -gt 0 ] || set -- "${all[@]}"
        needs "$@"
        ;;
    readme) readme ;;
    full) full ;;
    *)
        echo "usage: bare.sh needs [NEED…] | readme | full" >&2
        exit 2
        ;;
esac
