#!/bin/sh
# Fails if FILE is not built yet; used where there is no cargo to build it.
#
#   scripts/require-built.sh FILE
[ -e "$1" ] && exit 0
echo "$1 is not built yet, and this user has no cargo. Run \"make build cli sandbox\" as a user who has cargo." >&2
exit 1
