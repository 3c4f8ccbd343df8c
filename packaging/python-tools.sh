#!/usr/bin/env bash
# Installs what builds and checks the Python packages (packaging/python.txt) into a virtual environment, and
# prints its folder. Uses the internet, the first time and after a change of the list.
set -euo pipefail
cd "$(dirname "$0")/.."
tools=$PWD/build/tools/python
if ! cmp -s packaging/python.txt "$tools/installed.txt"; then
    rm -rf "$tools"
    python3 -m venv "$tools"
    "$tools/bin/pip" --disable-pip-version-check install --quiet --requirement packaging/python.txt
    # pip builds an sdist in an environment of its own, into which it installs setuptools from here.
    "$tools/bin/pip" --disable-pip-version-check download --quiet --no-deps --dest "$tools/packages" \
        "$(grep ^setuptools packaging/python.txt)"
    cp packaging/python.txt "$tools/installed.txt"
fi
echo "$tools"
