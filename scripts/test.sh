#!/usr/bin/env bash
# Runs the parts of `make test`, each with its own log. Prints a summary at the end: what ran, what failed,
# where its log is, and how to run it alone.
#
#   scripts/test.sh
#
# MAKE   the make to call (make)
set -uo pipefail
cd "$(dirname "$0")/.." || exit
make=${MAKE:-make}
logs=build/logs
mkdir -p "$logs"
rm -f "$logs"/*

# What the parts depend on, in the order of building. If one fails, no test runs.
prepare=(build cli sandbox examples bundle)
# Run one at a time: they measure deadlines, and use every processor.
alone=(test-rust test-faults)
# Run two at a time, the longest first.
together=(test-python test-fuzz test-crash test-cpp test-c-memory test-php conformance test-c abi test-packages test-cli)
max_parallel=2

# Stops each part from building its dependencies again: two parts would write the same files at once.
already_built=()
for target in "${prepare[@]}"; do already_built+=("--old-file=$target"); done

# run PART [OPTION…]: writes its exit status and its duration in seconds next to its log.
run() {
    local part=$1 started=$SECONDS status=0
    shift
    "$make" --no-print-directory "$@" "$part" >"$logs/$part.log" 2>&1 </dev/null || status=$?
    echo "$status $((SECONDS - started))" >"$logs/$part.end"
    [ "$status" -eq 0 ] && echo "passed  $part" || echo "FAILED  $part"
}

failed() {
    local status
    read -r status _ <"$logs/$1.end" 2>/dev/null && [ "$status" -eq 0 ] && return 1
    return 0
}

trap 'kill $(jobs -p) 2>/dev/null; exit 130' INT TERM

parts=()
echo "Each part writes to $logs/PART.log."
for part in "${prepare[@]}"; do
    parts+=("$part")
    run "$part"
    failed "$part" && together=() alone=() && break
done
for part in "${alone[@]}"; do
    parts+=("$part")
    run "$part" "${already_built[@]}"
done
for part in "${together[@]}"; do
    parts+=("$part")
    while [ "$(jobs -rp | wc -l)" -ge "$max_parallel" ]; do wait -n || true; done
    run "$part" "${already_built[@]}" &
done
wait

failures=()
for part in "${parts[@]}"; do failed "$part" && failures+=("$part"); done
for part in "${failures[@]}"; do
    printf '\n---- the end of %s ----\n' "$logs/$part.log"
    tail -n 60 "$logs/$part.log"
done

printf '\n---- summary ----\n'
for part in "${parts[@]}"; do
    read -r status seconds <"$logs/$part.end"
    if [ "$status" -eq 0 ]; then
        printf '  passed  %-14s %4d s\n' "$part" "$seconds"
    else
        printf '  FAILED  %-14s %4d s   log: %s   alone: make %s\n' \
            "$part" "$seconds" "$logs/$part.log" "$part"
    fi
done
echo "${#parts[@]} parts ran, ${#failures[@]} failed"
[ ${#failures[@]} -eq 0 ]
