#!/bin/sh
# Runs all checks of the Python package.
#
#   FLEXPAY_LIBRARY   the shared library under test. Required.
#   FLEXPAY_PROGRAM   the program flexpay [build/bin/flexpay]
#   SANDBOX_BIN       the flexpay-sandbox program. Required.
#   VENV              where pytest, mypy, ruff, vermin, gevent and database drivers are installed
#                     [build/venv]
#   NETWORK_CALLS     how many calls of each kind memory.py sends to the sandbox [1000]
set -eu

here=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd)
root=$(CDPATH= cd -- "$here/../.." && pwd)
: "${FLEXPAY_LIBRARY:?must be the shared library}"
: "${SANDBOX_BIN:?must be the flexpay-sandbox program}"
FLEXPAY_LIBRARY=$(realpath "$FLEXPAY_LIBRARY")
FLEXPAY_PROGRAM=$(realpath -e "${FLEXPAY_PROGRAM:-$root/build/bin/flexpay}")
SANDBOX_BIN=$(realpath "$SANDBOX_BIN")
VENV=${VENV:-$root/build/venv}
export FLEXPAY_LIBRARY FLEXPAY_PROGRAM SANDBOX_BIN PYTHONPATH="$here"

if ! [ -x "$VENV/bin/pytest" ] ||
    ! "$VENV/bin/python" -c 'import gevent, psycopg, psycopg2, pymysql' 2>/dev/null; then
    python3 -m venv "$VENV"
    "$VENV/bin/pip" --disable-pip-version-check install --quiet pytest mypy ruff vermin gevent \
        'psycopg[binary]' psycopg2-binary PyMySQL
fi
python="$VENV/bin/python"

cd "$here"
"$VENV/bin/ruff" check --quiet --config pyproject.toml . ../../examples/python ../../packaging
"$VENV/bin/ruff" format --quiet --check --config pyproject.toml . ../../examples/python ../../packaging
"$VENV/bin/mypy"
# The README's snippets.
"$python" tests/readme.py "$root/build/readme"
"$VENV/bin/mypy" --config-file pyproject.toml "$root/build/readme"
"$VENV/bin/ruff" check --quiet --config pyproject.toml "$root/build/readme"
"$VENV/bin/ruff" format --quiet --check --config pyproject.toml "$root/build/readme"
# The code uses only the standard library and the grammar of Python 3.8.
"$VENV/bin/vermin" --quiet --no-tips --target=3.8- --violations flexpay ../../examples/python
"$python" - <<'END'
import ast, pathlib
for file in [*pathlib.Path("flexpay").rglob("*.py"), *pathlib.Path("../../examples/python").glob("*.py")]:
    ast.parse(file.read_text(encoding="utf-8"), str(file), feature_version=(3, 8))
END
"$python" -m pytest "$@"

# The vectors and the memory test use a separate sandbox.
work=$(mktemp -d)
"$SANDBOX_BIN" serve --http 127.0.0.1:0 --https 127.0.0.1:0 --vectors "$root/tests/vectors" \
    --env-file "$work/env" >"$work/log" &
sandbox=$!
trap 'kill "$sandbox"; wait "$sandbox"; rm -rf "$work"' EXIT
until [ -f "$work/env" ]; do
    kill -0 "$sandbox"
    sleep 0.1
done
# In a subshell: memory.py needs an environment without settings.
SANDBOX_URL=$(. "$work/env" && echo "$SANDBOX_URL")

"$python" tests/conformance.py "$root/tests/vectors" "$SANDBOX_URL" >"$work/lines"
echo "conformance: $(wc -l <"$work/lines") cases run"
"$python" tests/memory.py "$SANDBOX_URL" "${NETWORK_CALLS:-1000}"
