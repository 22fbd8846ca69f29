#!/bin/bash
# The main job from nothing to published images, on this machine alone: a coordinator, two hosts,
# two builds of examples/mini-linux at once. `make demo` compiles first and then runs this.
#
#   demo.sh         runs it and leaves nothing running, and nothing outside .demo/
#   demo.sh stop    ends a demo that KEEP=1 left serving
#
#   PORT=9800       the coordinator's port instead of 9753
#   KEEP=1          leaves everything serving at the end and prints what to try
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
farm=$root/.demo
. "$root/scripts/farm.sh"

port=${PORT:-9753}
keep=${KEEP:-}
example=$root/examples/mini-linux
url=http://127.0.0.1:$port
hosts=(host1 host2)
export AIBUILD_URL=$url

aibuild() { "$bin/aibuild" "$@"; }

case ${1:-} in
stop)
    farm_stop
    say "the demo has ended; its files are in .demo/"
    exit 0
    ;;
"") ;;
*) die "usage: ${0##*/} [stop]" ;;
esac

if farm_alive coordinator; then
    die "a demo is still serving: make demo-stop ends it"
fi
if port_taken "$port"; then
    die "port $port is taken by another program, and the demo's coordinator needs one to listen on.
Stop that program, or choose another port: make demo PORT=9800"
fi

# Shows a build's log live, each line with the build before it. Two processes, not a pipeline: the
# first one's id is needed to end it.
followers=()
readers=()
follow() {
    local pipe=$farm/log/$1.pipe
    mkfifo "$pipe"
    sed -u "s|^|[$1] |" <"$pipe" &
    readers+=($!)
    "$bin/aibuild" logs "$1" --follow >"$pipe" 2>&1 &
    followers+=($!)
}

cleanup() {
    local status=$?
    trap - EXIT
    # A second Ctrl-C must not cut the clean-up short.
    trap '' INT TERM
    for follower in "${followers[@]}"; do kill "$follower" 2>/dev/null || true; done
    if [ "$status" -eq 0 ] && [ -n "$keep" ]; then exit 0; fi
    farm_stop
    [ "$status" -eq 0 ] || warn "the demo did not finish; its logs are in .demo/log"
    exit "$status"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

step() { printf '\n== %s\n' "$*"; }

began=$SECONDS
farm_stop # of a demo that was killed
# The ISO stays: it is the same as long as the machine's packages are.
find "$farm" -mindepth 1 -maxdepth 1 ! -name mini-linux -exec rm -rf {} + 2>/dev/null || true
mkdir -p "$farm"

step "the base image: an ISO made of this machine's kernel, busybox and dropbear"
template=$("$example/prepare.sh" "$farm/mini-linux")
ls -l "$farm/mini-linux/mini-linux.iso"

step "two hosts: each a private sshd on loopback and an agent with its own state folder"
for host in "${hosts[@]}"; do
    declare "${host}_port=$(free_port)"
    port_name=${host}_port
    farm_host "$host" "${!port_name}"
    say "$host: $(id -un)@127.0.0.1:${!port_name}, host key $(farm_fingerprint "$host")"
done

step "the coordinator: $url, with its embedded SQLite store"
farm_coordinator "$port"
for host in "${hosts[@]}"; do
    port_name=${host}_port
    aibuild host add "$host" --address "$(id -un)@127.0.0.1:${!port_name}" \
        --fingerprint "$(farm_fingerprint "$host")"
done
aibuild guestos add mini-linux --type linux --distro debian --version 12 --template "$template"

step "two builds at once"
# A host is taken into the farm when it was asked what it has; a build waits for that, as it would
# for any other reason.
builds=()
for _ in "${hosts[@]}"; do
    builds+=("$(aibuild build mini-linux --owner demo --json | jq -r '"\(.guestOS):\(.number)"')")
done
for build in "${builds[@]}"; do follow "$build"; done
for process in "${followers[@]}" "${readers[@]}"; do wait "$process" || true; done
followers=()

failed=
for build in "${builds[@]}"; do
    state=$(aibuild show "$build" --json | json_field state)
    [ "$state" = passed ] || { warn "$build has ended as $state"; failed=yes; }
done
[ -z "$failed" ] || die "a build did not pass; its log stands above"

step "the published images: each was booted, tested and moved to images/release"
aibuild builds
aibuild show "${builds[0]}"
mkdir -p "$farm/download"
for build in "${builds[@]}"; do
    image_url=$(aibuild show "$build" --json | json_field image.url)
    name=${image_url##*/}
    say ""
    say "$image_url"
    curl -fsS -o "$farm/download/$name" "$image_url"
    curl -fsS "${image_url%/*}/SHA256SUMS" | grep -F "  $name" >"$farm/download/$name.sha256"
    (cd "$farm/download" && sha256sum --check --strict "$name.sha256") ||
        die "$image_url is not what SHA256SUMS says"
    cut -d ' ' -f 1 "$farm/download/$name.sha256" | sed 's/^/sha256: /'
    qemu-img info "$farm/download/$name"
done

step "the proof: one of them boots by itself"
"$example/boot-test.sh" "$farm/download/$name"

step "done in $((SECONDS - began)) s"
if [ -n "$keep" ]; then
    cat <<END
Everything goes on serving. Open and try:

  $url/                         the web page: queue, builds, live log
  $url/images/                  the web root
  $url/api/v1/builds            the API

  export AIBUILD_URL=$url
  export PATH=$bin:\$PATH
  aibuild build mini-linux                 one more build
  aibuild queue                            what waits, and why
  aibuild hosts
  aibuild host drain host1                 no new builds there; resume ends that

Logs are in .demo/log. This ends it all:

  make demo-stop
END
fi
