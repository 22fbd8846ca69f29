#!/bin/bash
# Proves that an image boots by itself: starts it headless, without touching the file, and waits
# for the line `mini-linux ready: …` on the serial console.
#
#   boot-test.sh IMAGE [SECONDS]        exit status 0 and the line; else 1 and the console's end
#
# Software emulation (tcg) works everywhere; 60 seconds are some ten times what it takes.
set -euo pipefail

[ $# -ge 1 ] && [ $# -le 2 ] || { echo "usage: ${0##*/} IMAGE [SECONDS]" >&2; exit 64; }
image=$1
limit_seconds=${2:-60}
[ -r "$image" ] || { echo "${0##*/}: cannot read $image" >&2; exit 1; }
command -v qemu-system-x86_64 >/dev/null ||
    { echo "${0##*/}: qemu-system-x86_64 is missing: apt-get install qemu-system-x86" >&2; exit 1; }

# By an option of its own rather than by guess: a raw file could claim to be any format.
format=$(qemu-img info --output=json "$image" |
    sed -n 's/^    "format": "\([a-z0-9]*\)".*/\1/p' | tail -n 1)
work=$(mktemp -d)
qemu=
cleanup() {
    if [ -n "$qemu" ]; then
        kill -KILL "$qemu" 2>/dev/null || true
        wait "$qemu" 2>/dev/null || true
    fi
    rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

mkfifo "$work/console"
qemu-system-x86_64 -machine pc,accel=tcg -m 512 -snapshot -display none -monitor none \
    -drive "file=${image//,/,,},if=virtio,format=$format" -nic user,model=virtio-net-pci \
    -serial stdio -no-reboot </dev/null >"$work/console" 2>&1 &
qemu=$!

# The console in order of its lines, with one limit for all of them.
exec 3<"$work/console"
end=$((SECONDS + limit_seconds))
while left=$((end - SECONDS)) && [ "$left" -gt 0 ] && IFS= read -r -t "$left" line <&3; do
    line=${line%$'\r'}
    printf '%s\n' "$line" >>"$work/seen"
    case $line in
    *"mini-linux ready: "*)
        printf '%s\n' "mini-linux ready: ${line##*mini-linux ready: }"
        exit 0
        ;;
    esac
done
echo "${0##*/}: $image did not say 'mini-linux ready: …' within $limit_seconds s; its console ended:" >&2
tail -n 20 "$work/seen" >&2 2>/dev/null || echo "(nothing)" >&2
exit 1
