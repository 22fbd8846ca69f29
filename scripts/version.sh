#!/bin/bash
# Prints the version of this source tree.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

version=$(sed -n 's/^ *public static let current = "\(.*\)"$/\1/p' "$root/Protocol/ProgramVersion.swift")
[ -n "$version" ] || die "Protocol/ProgramVersion.swift has no version"
say "$version"
