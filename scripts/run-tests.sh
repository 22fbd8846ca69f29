#!/bin/bash
# Runs the built tests: run-tests.sh SWIFT [FILTER]
set -euo pipefail
swift=$1
# Tests of real parts hold processes and wait: more at once than the machine has cores, but bounded.
export SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH=${WIDTH:-4}
# A run that stands still is a failure with a name, not an endless one.
exec timeout --kill-after=10 "${LIMIT_SECONDS:-1200}" \
    "$swift" test --skip-build --disable-xctest ${2:+--filter "$2"}
