#!/bin/bash
# Prints the path of the `swift` of a Swift toolchain, 6.3 or newer. The name alone proves nothing:
# OpenStack's object storage client is also called `swift`, and often comes first in PATH. Each
# candidate is therefore asked for its version. SWIFT=/path/to/swift checks only that one.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

minimum=6.3

candidates() {
    if [ -n "${SWIFT:-}" ]; then
        printf '%s\n' "$SWIFT"
        return
    fi
    type -ap swift || true
    printf '%s\n' /opt/swift/usr/bin/swift "${SWIFTLY_BIN_DIR:-$HOME/.swiftly/bin}/swift" \
        "$HOME/.local/share/swiftly/bin/swift" /opt/swift-*/usr/bin/swift \
        /usr/local/swift/usr/bin/swift /usr/share/swift/usr/bin/swift /usr/libexec/swift/bin/swift
}

refused=
while IFS= read -r candidate; do
    [ -x "$candidate" ] || continue
    answer=$(timeout 20 "$candidate" --version 2>&1 </dev/null) || true
    version=$(printf '%s\n' "$answer" |
        sed -n 's/.*Swift version \([0-9][0-9.]*\).*/\1/p' | head -n 1)
    if [ -z "$version" ]; then
        first=$(printf '%s\n' "$answer" | head -n 1)
        refused="$refused
  $candidate is not a Swift compiler (output of --version: ${first:-none})"
    elif [ "$(printf '%s\n' "$minimum" "$version" | sort -V | head -n 1)" != "$minimum" ]; then
        refused="$refused
  $candidate is Swift $version"
    else
        printf '%s\n' "$candidate"
        exit 0
    fi
done < <(candidates | awk '!seen[$0]++')

die "no Swift toolchain $minimum or newer found in PATH, /opt/swift, /opt/swift-* or ~/.swiftly.$refused
Install one with Swift's own installer, without root (https://www.swift.org/install/linux/):
  curl -O https://download.swift.org/swiftly/linux/swiftly-$(uname -m).tar.gz
  tar xzf swiftly-$(uname -m).tar.gz && ./swiftly init
or unpack a toolchain into /opt/swift, or name one that is elsewhere: SWIFT=/path/to/swift make …"
