# shellcheck shell=sh
#
# Functions that start and stop one sandbox for the whole run. run.sh here and in tests/cpp source this
# file. It requires $root (the project) and $work (a directory that is removed at the end). It reads
# SANDBOX_BIN, and VECTORS, the directory of the vectors to serve (tests/vectors).

SANDBOX_BIN=${SANDBOX_BIN:-$root/target/debug/flexpay-sandbox}

# Starts the sandbox with the vectors and sets its addresses as environment variables.
# shellcheck disable=SC2154  # $work is set by the script that sources this file
start_sandbox() {
    "$SANDBOX_BIN" serve --http 127.0.0.1:0 --https 127.0.0.1:0 --vectors "${VECTORS:-$root/tests/vectors}" \
        --env-file "$work/sandbox.env" >"$work/sandbox.log" 2>&1 &
    sandbox_pid=$!
    # The sandbox moves the file into place after it has written all of it.
    until [ -e "$work/sandbox.env" ]; do
        if ! kill -0 "$sandbox_pid" 2>/dev/null; then
            sandbox_pid=
            echo "the sandbox did not start:"
            cat "$work/sandbox.log"
            return 1
        fi
        sleep 0.1
    done
    set -a
    # shellcheck disable=SC1091
    . "$work/sandbox.env"
    set +a
}

# The same, with a copy of the vectors in $VECTORS. Its forgery cases are prepared for this sandbox.
start_sandbox_with_forgeries() {
    VECTORS=$work/vectors
    mkdir "$VECTORS"
    cp "$root/tests/vectors"/*.json "$VECTORS" && start_sandbox &&
        "${PYTHON:-python3}" "$root/tests/conformance/stage.py" "$root/tests/vectors" "$VECTORS"
}

stop_sandbox() {
    if [ -n "${sandbox_pid:-}" ]; then
        kill "$sandbox_pid" 2>/dev/null
        wait "$sandbox_pid" 2>/dev/null
        sandbox_pid=
    fi
}
