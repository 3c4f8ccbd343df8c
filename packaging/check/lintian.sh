#!/usr/bin/env bash
# Runs lintian on the Debian packages: nothing may be reported.
set -euo pipefail
cd "$(dirname "$0")/../.."
. packaging/common.sh
# The packages are for users of this project, not for Debian's archive: no bug of Debian is closed.
lintian --fail-on error,warning --tag-display-limit 0 --suppress-tags initial-upload-closes-no-bugs "$dist"/*.deb
echo "lintian: $(find "$dist" -name '*.deb' | wc -l) packages are clean"
