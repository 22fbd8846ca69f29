#!/bin/bash
# Runs the built tests: run-tests.sh SWIFT [FILTER]
set -euo pipefail
swift=$1
# Tests of real components mostly wait for processes: more at once than there are cores, but bounded.
export SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH=${WIDTH:-4}
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# A run that hangs fails after a while, and names the test that hangs.
code=0
timeout --kill-after=10 "${LIMIT_SECONDS:-2700}" \
    "$swift" test --skip-build --disable-xctest ${2:+--filter "$2"} 2>&1 | tee "$log" || code=$?
((code != 0)) || exit 0

# CI shows only the end of a long output: repeat what failed.
echo
echo "Tests failed (exit status $code):"
# Only the first lines of each: the whole log of a program may follow.
awk '
    /^[^ ]+ +Test .* recorded an issue/ { show = 4 }
    show > 0 { print substr($0, 1, 400); show-- }
' "$log" | sed -n '1,40p'
# The tests that were running when the run hung or the process died.
((code == 1)) || awk '
    { line = $0; sub(/^[^ ]+ +/, "", line) }
    line ~ /^Test [^ ]+\(.*\) started\.$/ { sub(/^Test /, "", line); sub(/ started\.$/, "", line); open[line]++ }
    line ~ /^Test .* (passed|failed) after / {
        sub(/^Test /, "", line); sub(/ (with [0-9]+ test cases? )?(passed|failed) after .*/, "", line); delete open[line]
    }
    END { for (name in open) print "not finished: " name }
' "$log" | sed -n '1,20p'
exit "$code"
