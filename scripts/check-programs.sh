#!/bin/bash
# Checks that release binaries run on a machine without Swift: check-programs.sh PROGRAM…
# They need no library of the toolchain, search no folder but their own, and start.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

for program in "$@"; do
    dynamic=$(readelf --dynamic --wide "$program")
    foreign=$(grep -E '\((RUNPATH|RPATH)\).*/|NEEDED.*\[lib(swift|Foundation|_Foundation|dispatch|BlocksRuntime)' \
        <<<"$dynamic" || true)
    [ -z "$foreign" ] || die "$program would not start on a machine without Swift:
$foreign"
    "$program" --help >/dev/null || die "$program --help failed"
done
du --apparent-size --si "$@"
