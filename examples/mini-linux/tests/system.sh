#!/bin/sh
# Runs in a guest that was booted from the finished image: what must hold of every mini-linux.
set -eu

fail() { echo "system.sh: $*" >&2; exit 1; }

[ "$(hostname)" = mini-linux ] || fail "the host name is $(hostname)"
[ -s /boot/mini/build ] || fail "/boot/mini/build says no build number"
ip route | grep -q '^default' || fail "there is no way out of the network"
grep -q ' /boot ext4 ro' /proc/mounts || fail "/boot is not mounted read-only"
echo "build $(cat /boot/mini/build), kernel $(uname -r)"
