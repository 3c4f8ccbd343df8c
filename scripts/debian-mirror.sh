#!/usr/bin/env bash
# Prints the mirror of Debian for a suite: the one that apt uses here, if it is for the same suite.
#
#   scripts/debian-mirror.sh SUITE
#
# DEBIAN_MIRROR   another mirror
set -euo pipefail
# apt expands $(…).
# shellcheck disable=SC2016
found=$(apt-get indextargets --format '$(CODENAME) $(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
    awk -v suite="$1" '$1 == suite { print $2; exit }') || true
echo "${DEBIAN_MIRROR:-${found:-http://deb.debian.org/debian}}"
