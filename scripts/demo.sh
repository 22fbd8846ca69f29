#!/bin/bash
# The whole workflow up to published images, on this machine: a coordinator, two hosts and two
# concurrent builds of examples/mini-linux. `make demo` compiles first, then runs this.
#
#   demo.sh         run the demo; leave nothing running, and nothing outside .demo/
#   demo.sh stop    stop a demo that was started with KEEP=1
#
#   PORT=9800       port of the coordinator (default: 9753)
#   KEEP=1          leave everything running at the end, and print what to try
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
    say "The demo has stopped. Its files are in .demo/"
    exit 0
    ;;
"") ;;
*) die "usage: ${0##*/} [stop]" ;;
esac

if farm_alive coordinator; then
    die "a demo is still running. Stop it with: make demo-stop"
fi
if port_taken "$port"; then
    die "port $port is in use by another program.
Stop that program, or choose another port: make demo PORT=9800"
fi

# Follows the log of a build, each line prefixed with the build. Two processes instead of a
# pipeline, because the process id of the first one is needed to stop it.
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

farm_stop_at_exit

began=$SECONDS
farm_stop # of a demo that was killed
# Keep the ISO: it only changes with the packages of this machine.
find "$farm" -mindepth 1 -maxdepth 1 ! -name mini-linux -exec rm -rf {} + 2>/dev/null || true
mkdir -p "$farm"

step "Base image: an ISO made of this machine's kernel, busybox and dropbear"
template=$("$example/prepare.sh" "$farm/mini-linux")
ls -l "$farm/mini-linux/mini-linux.iso"

step "Two hosts: each a private sshd on loopback and an agent with its own state folder"
for host in "${hosts[@]}"; do
    declare "${host}_port=$(free_port)"
    port_name=${host}_port
    farm_host "$host" "${!port_name}"
    say "$host: $(id -un)@127.0.0.1:${!port_name}, host key $(farm_fingerprint "$host")"
done

step "Coordinator: $url, with its embedded SQLite store"
farm_coordinator "$port"
for host in "${hosts[@]}"; do
    port_name=${host}_port
    aibuild host add "$host" --register-only --address "$(id -un)@127.0.0.1:${!port_name}" \
        --fingerprint "$(farm_fingerprint "$host")"
done
aibuild guestos add mini-linux --type linux --distro debian --version 12 --template "$template"

step "Two builds at once"
# A host accepts builds once it has reported what it has. Until then the builds are queued.
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
    [ "$state" = passed ] || { warn "$build ended as $state"; failed=yes; }
done
[ -z "$failed" ] || die "a build did not pass; see its log above"

step "Published images: each was booted, tested and moved to images/release"
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
        die "$image_url does not match SHA256SUMS"
    cut -d ' ' -f 1 "$farm/download/$name.sha256" | sed 's/^/sha256: /'
    qemu-img info "$farm/download/$name"
done

step "Proof: one of them boots by itself"
"$example/boot-test.sh" "$farm/download/$name"

step "Done in $((SECONDS - began)) s"
if [ -n "$keep" ]; then
    cat <<END
Everything is still running. Open:

  $(aibuild web)
                                the web page: queue, builds, live log
  $url/images/                  the web root
  $url/api/v1/builds            the API

Try:

  export AIBUILD_URL=$url
  export PATH=$bin:\$PATH
  aibuild build mini-linux --follow        one more build
  aibuild queue                            queued builds, and why they wait
  aibuild host list
  aibuild host drain host1                 send no new builds to host1
  aibuild web                              one more address of the web page: each works once

Logs are in .demo/log. Stop everything with:

  make demo-stop
END
fi
