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
timeout --kill-after=10 "${LIMIT_SECONDS:-1200}" \
    "$swift" test --skip-build --disable-xctest ${2:+--filter "$2"} 2>&1 | tee "$log" || code=$?
((code != 0)) || exit 0

# Thousands of lines went by, and whoever reads the end of a CI job sees the last few: what failed, once more.
echo
echo "The tests failed (exit code $code):"
awk '
    /^[^ ]+ +Test .* recorded an issue/ { show = 1; print; next }
    /^[^ ]+ +(Test|Suite) / { show = 0 }
    show { print }
' "$log" | cut -c1-600 | head -60
# Begun and never ended: where a run stood still, or what was running when the process died.
awk '
    { line = $0; sub(/^[^ ]+ +/, "", line) }
    line ~ /^Test [^ ]+\(.*\) started\.$/ { sub(/^Test /, "", line); sub(/ started\.$/, "", line); open[line]++ }
    line ~ /^Test .* (passed|failed) after / {
        sub(/^Test /, "", line); sub(/ (with [0-9]+ test cases? )?(passed|failed) after .*/, "", line); delete open[line]
    }
    END { for (name in open) print "not ended: " name }
' "$log" | head -20
exit "$code"
