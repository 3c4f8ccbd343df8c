#!/usr/bin/env bash
# Tests in a clean Debian 12 (a chroot) that scripts/setup.sh installs every package that is required. A
# developer's machine would hide a missing one. Must run as root with the right to mount; nothing stays
# mounted.
#
#   scripts/test-in-debian.sh setup [TASK…]   runs setup.sh for each task, each in a new root, and uses
#                                             the packages (check-setup.sh)
#   scripts/test-in-debian.sh readme          runs the README's commands for C and C++, with the library,
#                                             the program and the sandbox that are built here
#   scripts/test-in-debian.sh packages        installs the packages in build/dist (packaging/check/in-debian.sh)
#   scripts/test-in-debian.sh all             clones the last commit, and runs `make demo` and `make test`
#
# DEBIAN_REBUILD=1   builds the base system again; otherwise it is kept for a week
# DEBIAN_MIRROR      the mirror of Debian (the one in this system's apt, if this is the same Debian)
#
# A root contains the base system and this system's Rust, read-only; for `all` also gcc and make. In it,
# only the names of the package registries resolve.
set -euo pipefail
cd "$(dirname "$0")/.."
project=$PWD
debian=$project/build/debian
suite=bookworm
all_tasks=(build rust cli c abi cpp php python dist-php dist-python windows fuzz crash soak bench platforms dist release-check)

fail() {
    echo "test-in-debian.sh: $1" >&2
    exit 1
}

# Runs a command in its own mount and process namespaces. However it ends, its mounts and processes end
# with it.
in_namespaces() {
    # In the background, so that this shell handles signals at once.
    unshare --mount --pid --fork --kill-child --mount-proc "$@" &
    local child=$! status=0
    wait "$child" || status=$?
    return "$status"
}

make_base() {
    local mirror new=$debian/base.new
    mirror=$(scripts/debian-mirror.sh "$suite")
    echo "test-in-debian.sh: building a clean Debian ($suite)"
    rm -rf "$new"
    mkdir -p "$new"
    in_namespaces debootstrap --variant=minbase "$suite" "$new" "$mirror" >"$debian/base.log" 2>&1 || {
        tail -n 20 "$debian/base.log" >&2
        fail "debootstrap failed"
    }
    {
        echo "deb $mirror $suite main"
        echo "deb $mirror $suite-updates main"
        # A mirror has the security updates next to Debian.
        echo "deb ${mirror%/debian*}/debian-security $suite-security main"
    } >"$new/etc/apt/sources.list"
    # Faster: a temporary root does not have to survive a power failure.
    echo force-unsafe-io >"$new/etc/dpkg/dpkg.cfg.d/no-sync"
    # Names resolve from /etc/hosts only: see hosts().
    sed -i 's/^hosts:.*/hosts: files/' "$new/etc/nsswitch.conf"
    tar -C "$new" --one-file-system -cf "$debian/base.tar.new" .
    rm -rf "$new"
    mv "$debian/base.tar.new" "$debian/base.tar"
}

# Prints /etc/hosts for a root: the package registries and their addresses.
hosts() {
    local host
    echo "127.0.0.1 localhost"
    {
        printf '%s\n' deb.debian.org archive.debian.org index.crates.io static.crates.io \
            pypi.org files.pythonhosted.org
        # The mirrors and proxies configured on this system.
        {
            cat "$root/etc/apt/sources.list" "$root/etc/apt/apt.conf.d/90host"
            cat "$root"/etc/pip.conf "$root"/root/.cargo/config.toml 2>/dev/null || true
            env | grep -iE '^(https?_proxy|PIP_(EXTRA_)?INDEX_URL|CARGO_REGISTRIES_.*)=' || true
        } | grep -oE 'https?://[^/"'"'"' ;]+' | sed 's|.*://||; s|.*@||; s|:[0-9]*$||'
    } | sort -u | while IFS= read -r host; do
        getent ahosts "$host" | awk -v host="$host" '$2 == "STREAM" { print $1, host }' || true
    done
}

# Copies this system's settings for the registries into the root: proxies, mirrors, certificates.
copy_settings() {
    local file certificates=${CARGO_HTTP_CAINFO:-${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}}
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
    # Not under Debian's own name: a test for the package ca-certificates must not find this file.
    if [ -s "$certificates" ]; then
        cp -L "$certificates" "$root/etc/registry-certificates.pem"
        echo 'Acquire::https::CaInfo "/etc/registry-certificates.pem";' >>"$root/etc/apt/apt.conf.d/90host"
    fi
    hosts >"$root/etc/hosts"
}

new_root() {
    root=$debian/root.$$
    rm -rf "$root"
    mkdir -p "$root"
    tar -C "$root" -xf "$debian/base.tar"
    copy_settings
}

# in_root COMMAND…: runs a command in the root, with /dev, /proc and Rust mounted.
in_root() {
    local settings=() name
    for name in $(compgen -e); do
        case ${name,,} in
            http_proxy | https_proxy | no_proxy | all_proxy | pip_index_url | pip_extra_index_url | \
                pip_proxy | pip_trusted_host | pip_default_timeout | cargo_registries_* | cargo_http_proxy)
                settings+=("$name=${!name}")
                ;;
        esac
    done
    if [ -e "$root/etc/registry-certificates.pem" ]; then
        settings+=("PIP_CERT=/etc/registry-certificates.pem" "CARGO_HTTP_CAINFO=/etc/registry-certificates.pem")
    fi
    mkdir -p "$root/opt/rust"
    # shellcheck disable=SC2016 # expanded by the inner shell
    in_namespaces bash -euc '
        root=$1 rust=$2 archives=$3
        shift 3
        # So that its root is a mount: unshare --mount needs that.
        mount --bind "$root" "$root"
        mount --bind "$rust" "$root/opt/rust"
        mount -o remount,bind,ro "$root/opt/rust"
        [ -z "$archives" ] || mount --bind "$archives" "$root/var/cache/apt/archives"
        mount --rbind /dev "$root/dev"
        mount -t proc proc "$root/proc"
        exec chroot "$root" /usr/bin/env -i "$@"' \
        test-in-debian "$root" "$rust" "$archives" \
        HOME=/root LANG=C.UTF-8 PATH=/opt/rust/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        "${settings[@]}" "$@"
}

# Installs gcc and make, without the packages that Debian only recommends with them.
install_toolchain() {
    in_root DEBIAN_FRONTEND=noninteractive bash -ec \
        'apt-get update -qq && apt-get install -y -qq --no-install-recommends gcc make >/dev/null' \
        >"$debian/toolchain.log" 2>&1 || {
        tail -n 20 "$debian/toolchain.log" >&2
        fail "gcc and make could not be installed"
    }
}

test_setup() {
    local task started failed=()
    # The roots share downloaded packages. apt locks that folder, so only one run at a time.
    archives=$debian/archives
    mkdir -p "$archives/partial"
    exec 9>"$debian/setup.lock"
    flock 9
    for task in "$@"; do
        started=$SECONDS
        new_root
        mkdir -p "$root/src"
        cp -r scripts bindings/php/tests/php74.sh "$root/src/"
        # The root has no compiler: setup.sh must install it.
        if in_root bash -c "cd /src && scripts/setup.sh $task && scripts/check-setup.sh $task" \
            >"$debian/$task.log" 2>&1 </dev/null; then
            echo "test-in-debian.sh: $task: $(tail -n 1 "$debian/$task.log") ($((SECONDS - started)) s)"
        else
            tail -n 30 "$debian/$task.log" | sed 's/^/    /'
            echo "test-in-debian.sh: $task: FAILED"
            failed+=("$task")
        fi
    done
    echo "$(($# - ${#failed[@]})) passed, ${#failed[@]} failed"
    [ ${#failed[@]} -eq 0 ]
}

# The root of a user of the library: compilers, but no Rust.
test_readme() {
    local language who log=$debian/readme.log
    archives=$debian/archives
    mkdir -p "$archives/partial"
    new_root
    in_root DEBIAN_FRONTEND=noninteractive bash -ec 'apt-get update -qq &&
        apt-get install -y -qq --no-install-recommends g++ make pkg-config >/dev/null' >"$log" 2>&1 ||
        { tail -n 20 "$log" >&2; fail "the compilers could not be installed"; }
    mkdir -p "$root/src/flexpay/build" "$root/src/flexpay/target/debug"
    git ls-files -co --exclude-standard -z | tar -c --null -T - | tar -x -C "$root/src/flexpay"
    cp -r build/lib build/bin "$root/src/flexpay/build/"
    cp "${CARGO_TARGET_DIR:-target}/debug/flexpay-sandbox" "$root/src/flexpay/target/debug/"
    for language in c cpp; do
        for who in root user; do
            # shellcheck disable=SC2016 # expanded by the inner shell
            # Uninstalls after each, so that the user does not find what root installed.
            in_root FLEXPAY_LIB_DIR=/src/flexpay/build/lib \
                SANDBOX_BIN=/src/flexpay/target/debug/flexpay-sandbox \
                bash -ec 'cd /src/flexpay; scripts/test-readme.sh "$1" "$2"; make -s uninstall' \
                test-readme "$language" "$who" >>"$log" 2>&1 || { tail -n 20 "$log" >&2; fail "readme: $language, $who"; }
        done
    done
    grep '^readme:' "$log"
}

# The root of a user of the packages: no Rust, no compiler.
test_packages() {
    local log=$debian/packages.log
    archives=$debian/archives
    mkdir -p "$archives/partial"
    new_root
    mkdir -p "$root/src/build"
    cp -r scripts packaging "$root/src/"
    cp -r build/dist "$root/src/build/"
    # Rust is mounted in /opt/rust, but is not in the path.
    in_root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin /src/packaging/check/in-debian.sh \
        >"$log" 2>&1 </dev/null || { tail -n 30 "$log" >&2; fail "packages: see $log"; }
    grep -E '^(in-debian|prefix):' "$log"
}

test_all() {
    local log=$debian/all.log status=0
    [ -z "$(git status --porcelain)" ] || echo "test-in-debian.sh: uncommitted changes are not tested"
    new_root
    install_toolchain
    # Cloned from outside: the root has no git.
    git clone --quiet --no-hardlinks "$project" "$root/src/flexpay"
    echo "test-in-debian.sh: $(git rev-parse --short HEAD) in a clean Debian; the output is in $log"
    # Runs `make test` even if the demo fails, to report both.
    # shellcheck disable=SC2016 # expanded by the inner shell
    in_root bash -c 'cd /src/flexpay
        make demo; demo=$?
        make test; test=$?
        echo "make demo: exit status $demo; make test: exit status $test"
        [ "$demo" -eq 0 ] && [ "$test" -eq 0 ]' >"$log" 2>&1 </dev/null || status=$?
    head -n 15 "$log"
    echo "…"
    tail -n 40 "$log"
    return "$status"
}

scripts/setup.sh debian
[ "$(id -u)" -eq 0 ] || fail "must be root, to mount and to chroot"
in_namespaces true || fail "mounting is not permitted: run this as root; in a container, with CAP_SYS_ADMIN"
rust=$(rustc --print sysroot)
if [ ! -x "$rust/bin/cargo" ] || [ "$rust" = /usr ]; then
    fail "a Rust toolchain installed by rustup is required"
fi

mkdir -p "$debian"
root=$debian/root.$$
archives=
# Mounts exist only inside the namespaces, so this removes nothing outside the root.
trap 'rm -rf "$root"' EXIT
trap 'kill $(jobs -p) 2>/dev/null; exit 143' INT TERM HUP
for stale in "$debian"/root.*; do
    # Left by a run that was killed.
    [ ! -d "$stale" ] || kill -0 "${stale##*.}" 2>/dev/null || rm -rf "$stale"
done
if [ -n "${DEBIAN_REBUILD:-}" ] || [ -z "$(find "$debian/base.tar" -mtime -7 2>/dev/null)" ]; then
    make_base
fi

case "${1:-}" in
    setup)
        shift
        [ $# -gt 0 ] || set -- "${all_tasks[@]}"
        test_setup "$@"
        ;;
    readme) test_readme ;;
    packages) test_packages ;;
    all) test_all ;;
    *)
        echo "usage: test-in-debian.sh setup [TASK…] | readme | packages | all" >&2
        exit 2
        ;;
esac
