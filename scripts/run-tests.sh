#!/bin/bash
# Runs the built tests: run-tests.sh SWIFT [FILTER]
set -euo pipefail
swift=$1
# Tests of real parts hold processes and wait: more at once than the machine has cores, but bounded.
export SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH=${WIDTH:-4}
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# A run that stands still is a failure with a name, not an endless one.
code=0
timeout --kill-after=10 "${LIMIT_SECONDS:-1500}" \
    "$swift" test --skip-build --disable-xctest ${2:+--filter "$2"} 2>&1 | tee "$log" || code=$?
((code != 0)) || exit 0

# Thousands of lines went by, and whoever reads the end of a CI job sees the last few: what failed, once more.
echo
echo "The tests failed (exit code $code):"
# The first lines of each: a program's whole log may follow.
awk '
    /^[^ ]+ +Test .* recorded an issue/ { show = 4 }
    show > 0 { print substr($0, 1, 400); show-- }
' "$log" | sed -n '1,40p'
# Where a run stood still, or what was running when the process died.
((code == 1)) || awk '
    { line = $0; sub(/^[^ ]+ +/, "", line) }
    line ~ /^Test [^ ]+\(.*\) started\.$/ { sub(/^Test /, "", line); sub(/ started\.$/, "", line); open[line]++ }
    line ~ /^Test .* (passed|failed) after / {
        sub(/^Test /, "", line); sub(/ (with [0-9]+ test cases? )?(passed|failed) after .*/, "", line); delete open[line]
    }
    END { for (name in open) print "not ended: " name }
' "$log" | sed -n '1,20p'
exit "$code"
