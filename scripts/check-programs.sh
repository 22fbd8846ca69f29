#!/bin/bash
# Checks that release binaries run on a machine without Swift: check-programs.sh PROGRAM…
# They need no library of the toolchain, search no folder but their own, and start.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# They start with the toolchain out of sight, where it is in a folder of its own and bubblewrap is
# installed (for the demo or the tests).
toolchain=$(dirname "$(dirname "$(readlink -f "$("$root/scripts/find-swift.sh")")")")
hidden=()
case $toolchain in
/ | /usr | /usr/local) ;;
*) ! command -v bwrap >/dev/null || hidden=(bwrap --dev-bind / / --tmpfs "$toolchain") ;;
esac

for program in "$@"; do
    dynamic=$(readelf --dynamic --wide "$program")
    foreign=$(grep -E '\((RUNPATH|RPATH)\).*/|NEEDED.*\[lib(swift|Foundation|_Foundation|dispatch|BlocksRuntime)' \
        <<<"$dynamic" || true)
    [ -z "$foreign" ] || die "$program would not start on a machine without Swift:
$foreign"
    "${hidden[@]}" "$program" --help >/dev/null || die "$program --help failed"
done
du --apparent-size --si "$@"
