#!/usr/bin/env bash
# Static analysis of src/ and the examples with mago, a type checker (settings: mago.toml). MAGO is its path.
#
#   cargo install mago --version 1.29.0 --locked
set -euo pipefail
cd "$(dirname "$0")/.."
"${MAGO:-mago}" analyze --minimum-fail-level note
