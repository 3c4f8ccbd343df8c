#!/usr/bin/env bash
# Static analysis of src/ and the examples by mago (a type checker; its settings are in mago.toml). MAGO names it.
#
#   cargo install mago --version 1.29.0 --locked
set -euo pipefail
cd "$(dirname "$0")/.."
"${MAGO:-mago}" analyze --minimum-fail-level note
