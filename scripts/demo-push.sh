#!/bin/bash
# Push, and it builds, on this machine: a Git server with a hook, a coordinator, one host, and a real
# registry. Nobody types `aibuild build`. A push to a repository of two images builds both; a push
# that changes one builds that one; a tag releases. The Git server shows the state of each build
# beside its commit. `make demo-push` compiles first, then runs this.
#
#   demo-push.sh         run the demo; leave nothing running, and nothing outside .push/
#   demo-push.sh stop    stop a demo that was started with KEEP=1
#
#   PORT=9800       port of the coordinator (default: any free port)
#   KEEP=1          leave everything running at the end, and print what to try
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
farm=$root/.push # short: sockets below it have 107 bytes for their paths
. "$root/scripts/farm.sh"

keep=${KEEP:-}
example=$root/examples/mini-linux

aibuild() { "$bin/aibuild" "$@"; }

case ${1:-} in
stop)
    farm_stop
    say "The push demo has stopped. Its files are in .push/"
    exit 0
    ;;
"") ;;
*) die "usage: ${0##*/} [stop]" ;;
esac

if farm_alive coordinator; then
    die "a demo is still running. Stop it with: make demo-stop"
fi
port=${PORT:-$(free_port)}
url=http://127.0.0.1:$port
export AIBUILD_URL=$url

farm_stop_at_exit

began=$SECONDS
farm_stop # of a demo that was killed
# Keep the ISO: it only changes with the packages of this machine.
find "$farm" -mindepth 1 -maxdepth 1 ! -name mini-linux -exec rm -rf {} + 2>/dev/null || true
mkdir -p "$farm/log"

step "A Git server with a hook, a registry, one host, and a coordinator"
openssl rand -hex 32 >"$farm/hook.secret"
openssl rand -hex 32 >"$farm/git.token"
chmod 600 "$farm/hook.secret" "$farm/git.token"
echo "$url/api/v1/hooks/git" >"$farm/hook.url"
farm_spawn git-server python3 -B "$root/scripts/git-server.py" "$farm/git.port" "$farm/repos" \
    "$farm/hook.url" "$(cat "$farm/hook.secret")" "$(cat "$farm/git.token")"
farm_wait 10 git-server test -s "$farm/git.port"
git_url=http://127.0.0.1:$(cat "$farm/git.port")

registry_port=$(free_port)
cat >"$farm/registry.yml" <<END
version: 0.1
storage: {filesystem: {rootdirectory: $farm/registry}}
http: {addr: 127.0.0.1:$registry_port}
END
farm_spawn registry docker-registry serve "$farm/registry.yml"
farm_wait 20 registry port_taken "$registry_port"

template=$("$example/prepare.sh" "$farm/mini-linux")
host_port=$(free_port)
farm_host host1 "$host_port" 2
farm_settings="hooks:
  git:
    type: gitea
    url: $git_url
    secret_file: $farm/hook.secret
    token_file: $farm/git.token"
farm_coordinator "$port"
say "coordinator: $url, Git server: $git_url"
aibuild host add host1 --register-only --address "$(id -un)@127.0.0.1:$host_port" \
    --fingerprint "$(farm_fingerprint host1)"
aibuild env add registry --kind registry --registry-url "http://127.0.0.1:$registry_port" \
    --repository "images/{guestos}"
# One repository, two images: what both share, and a folder for what only one of them has.
work=$farm/work
cp -r "$template" "$work"
mkdir "$work/tools"
echo "what only mini-tools has" >"$work/tools/list"
cat >>"$work/aibuild.yml" <<'END'
release:
  to: [registry]
triggers:
  tags: ["v*"]
  publish: tags
images:
  mini-linux:
    paths: [mini-linuxx86_64.json, scripts, tests]
  mini-tools:
    paths: [mini-linuxx86_64.json, scripts, tests, tools]
END
commit() { # MESSAGE
    git -C "$work" add -A
    git -C "$work" -c user.name=demo -c user.email=demo@example.org commit -q -m "$1"
}
git init -q -b main "$work"
git -C "$work" remote add origin "$git_url/team/images.git"
commit "The template"
git -C "$work" push -q origin main
for name in mini-linux mini-tools; do
    aibuild guestos add $name --type linux --distro debian --version 12 \
        --git "$git_url/team/images.git" --ref main
done

# Waits for the builds that the newest delivery started: those of these guest OSes, which pass.
delivered() { # COUNT GUESTOS…
    local count=$1 newest build
    for ((tries = 0; ; tries++)); do
        newest=$(aibuild deliveries --limit 1 --json | jq -c '.items[0] // empty')
        [ "$(jq -r '.id // 0' <<<"${newest:-{\}}")" -ge "$count" ] &&
            [ "$(jq -r .state <<<"$newest")" != queued ] && break
        [ "$tries" -lt 600 ] || die "the push was not handled: see aibuild deliveries"
        sleep 0.1
    done
    [ "$(jq -r '.builds | map(split(":")[0]) | sort | join(" ")' <<<"$newest")" = "${*:2}" ] ||
        die "the push did not build ${*:2}: see aibuild deliveries"
    for build in $(jq -r '.builds[]' <<<"$newest"); do
        "$bin/aibuild" logs "$build" --follow >"$farm/log/$build.log" 2>&1 ||
            die "$build did not pass: see .push/log/$build.log"
    done
}

# Prints what the Git server shows beside a commit.
statuses() {
    curl -fsS "$git_url/api/v1/repos/team/images/statuses/$1" |
        jq -r '.[] | "  \(.context)  \(.state)  \(.description)"'
}

step "A push to the repository: both images are built and tested"
echo "set -e" >>"$work/scripts/demo.sh"
commit "scripts: what both images share"
git -C "$work" push -q origin main
delivered 2 mini-linux mini-tools
aibuild deliveries
aibuild builds

step "The next push changes what only mini-tools has"
echo "more" >>"$work/tools/list"
commit "mini-tools: more tools"
git -C "$work" push -q origin main
delivered 3 mini-tools
aibuild deliveries

step "What the Git server shows beside this commit"
head=$(git -C "$work" rev-parse HEAD)
for ((tries = 0; ; tries++)); do
    statuses "$head" | grep -q ' success ' && break
    [ "$tries" -lt 300 ] || die "the Git server has no status that says success"
    sleep 0.1
done
statuses "$head"

step "A tag: both images are built, published and released"
git -C "$work" tag v1
git -C "$work" push -q origin v1
delivered 4 mini-linux mini-tools
for name in mini-linux mini-tools; do
    for ((tries = 0; tries < 600; tries++)); do
        state=$(aibuild releases --json | jq -r --arg name "$name" \
            '[.items[] | select(.guestOS == $name)][0].state // "none"')
        [ "$state" = released ] && break
        sleep 0.1
    done
    [ "$state" = released ] || die "$name is $state: see aibuild releases"
done
aibuild deliveries
aibuild releases
for name in mini-linux mini-tools; do
    curl -fsS "http://127.0.0.1:$registry_port/v2/images/$name/tags/list"
done

step "Done in $((SECONDS - began)) s"
if [ -n "$keep" ]; then
    cat <<END
Everything is still running. Push to it:

  cd $work
  echo another >> tools/list && git commit -qam another && git push origin main

See what happens:

  export AIBUILD_URL=$url
  export PATH=$bin:\$PATH
  aibuild deliveries
  aibuild web                   the address of the web page

Logs are in .push/log. Stop everything with:

  make demo-stop
END
fi
