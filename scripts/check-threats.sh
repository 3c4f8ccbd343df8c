#!/usr/bin/env bash
# Checks that every test named in THREATS.md exists.
#
# THREATS.md writes `file::name` for a Rust test, and `file` for a C program or a script, in backticks.
set -euo pipefail
cd "$(dirname "$0")/.."

# The backticks are Markdown's.
# shellcheck disable=SC2016
named_tests() {
    grep -oE '`(src|tests|fuzz|faults|crash|cli|scripts|bindings|sandbox)/[A-Za-z0-9_./-]+(::[a-z0-9_]+)?`' THREATS.md |
        tr -d '`' | sort -u
}

count=0
missing=0
while IFS= read -r named; do
    file=${named%%::*}
    test=${named#*::}
    count=$((count + 1))
    if [ ! -e "$file" ]; then
        echo "THREATS.md names $named: no such file: $file" >&2
        missing=$((missing + 1))
    elif [ "$test" != "$named" ] && ! awk -v name="fn $test(" '
        # A test, not any function: #[test] is directly above it.
        /#\[test\]/ { attribute = 1; next }
        attribute && index($0, name) { found = 1 }
        !/^ *(#\[|\/\/)/ { attribute = 0 }
        END { exit !found }' "$file"; then
        echo "THREATS.md names $named: no such test" >&2
        missing=$((missing + 1))
    fi
done < <(named_tests)

[ "$count" -ge 30 ] || { echo "THREATS.md: names only $count tests" >&2; exit 1; }
[ "$missing" -eq 0 ] || exit 1
echo "THREATS.md: all $count tests that it names exist"
