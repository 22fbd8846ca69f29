#!/bin/bash
# From a build to an image that boots from a cloud, on this machine: a coordinator, one host, a real
# Keystone and Glance. A build of examples/mini-linux is released to two projects, as built and as
# raw. A second build replaces it and is rolled back. Then the image in Glance is downloaded and
# booted. `make demo-release` compiles first, then runs this.
#
#   demo-release.sh         run the demo; leave nothing running, and nothing outside .cloud/
#   demo-release.sh stop    stop a demo that was started with KEEP=1
#
#   PORT=9800       port of the coordinator (default: any free port)
#   KEEP=1          leave everything running at the end, and print what to try
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
farm=$root/.cloud # short: sockets below it have 107 bytes for their paths
. "$root/scripts/farm.sh"

keep=${KEEP:-}
example=$root/examples/mini-linux

aibuild() { "$bin/aibuild" "$@"; }

case ${1:-} in
stop)
    farm_stop
    say "The release demo has stopped. Its files are in .cloud/"
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

# Prints a token, as any other client of the cloud gets one: cloud_token USER PROJECT
cloud_token() {
    local domain='"domain":{"name":"Default"}'
    curl -fsS -D- -o "$farm/login.json" -H 'Content-Type: application/json' \
        "$keystone/auth/tokens" -d '{"auth":{"identity":{"methods":["password"],"password":{"user":
            {"name":"'"$1"'",'"$domain"',"password":"'"$1"'-secret"}}},
            "scope":{"project":{"name":"'"$2"'",'"$domain"'}}}}' |
        tr -d '\r' | sed -n 's/^x-subject-token: //Ip'
}

# Lists the images that a project sees in Glance: cloud_images USER PROJECT
cloud_images() {
    printf '%-38s %-8s %-6s %-8s %s\n' ID STATUS FORMAT SHARED NAME
    for hidden in false true; do
        curl -fsS -H "X-Auth-Token: $(cloud_token "$1" "$2")" \
            "$glance/v2/images?os_hidden=$hidden&sort=created_at:asc" |
            jq -r '.images[] | [.id, .status, .disk_format, .visibility, .name] | @tsv' |
            while IFS=$'\t' read -r id status format visibility name; do
                printf '%-38s %-8s %-6s %-8s %s\n' "$id" "$status" "$format" "$visibility" "$name"
            done
    done
}

# Prints the id of the image that a project gets by a name: cloud_image USER PROJECT NAME
cloud_image() {
    curl -fsS -H "X-Auth-Token: $(cloud_token "$1" "$2")" "$glance/v2/images?name=$3" |
        jq -r '.images[0].id'
}

began=$SECONDS
farm_stop # of a demo that was killed
# Keep the ISO: it only changes with the packages of this machine.
find "$farm" -mindepth 1 -maxdepth 1 ! -name mini-linux -exec rm -rf {} + 2>/dev/null || true
mkdir -p "$farm"

step "A cloud: a real Keystone and Glance, on loopback, with databases of their own"
keystone_port=$(free_port) glance_port=$(free_port) second_port=$(free_port)
keystone=http://127.0.0.1:$keystone_port/v3
glance=http://127.0.0.1:$glance_port
farm_spawn openstack "$root/scripts/openstack.sh" "$farm/openstack" "$keystone_port" \
    "$glance_port" "$second_port"

template=$("$example/prepare.sh" "$farm/mini-linux")
host_port=$(free_port)
farm_host host1 "$host_port"
farm_coordinator "$port"
farm_wait 240 openstack test -e "$farm/openstack/ready"
curl -fsS "$glance/versions" | jq -r '"Glance: " + ([.versions[].id] | join(" "))' | cut -c 1-60
say "coordinator: $url"
aibuild host add host1 --register-only --address "$(id -un)@127.0.0.1:$host_port" \
    --fingerprint "$(farm_fingerprint host1)"
aibuild guestos add mini-linux --type linux --distro debian --version 12 --template "$template"

step "Two environments: one that shares its images with another project, and one that wants raw"
cloud_token customer consumer >/dev/null
customer=$(jq -r .token.project.id "$farm/login.json")
printf %s releaser-secret >"$farm/password"
aibuild env add lab --kind openstack --auth-url "$keystone" --username releaser \
    --project release --region RegionOne --visibility shared --member "$customer" \
    --keep 2 --password-file "$farm/password"
aibuild env add ceph --kind openstack --auth-url "$keystone" --username releaser \
    --project staging --region RegionOne --format raw --password-file "$farm/password"

build() {
    local build state
    build=$(aibuild build mini-linux --owner demo --json | jq -r '"\(.guestOS):\(.number)"')
    "$bin/aibuild" logs "$build" --follow >"$farm/log/$build.log" 2>&1 || true
    state=$(aibuild show "$build" --json | json_field state)
    [ "$state" = passed ] || {
        tail -n 15 "$farm/log/$build.log" >&2
        die "$build ended as $state; see the end of its log above"
    }
    grep -aE '^test [0-9]+ of [0-9]+: .* passed' "$farm/log/$build.log"
    say "$build passed"
}

step "A build, and the tests of its image"
build

step "Release to both, side by side"
aibuild release mini-linux --to lab,ceph

step "A newer build replaces it in lab"
build
aibuild release mini-linux --to lab
say ""
say "Images of the project:"
cloud_images releaser release

step "Roll back: the previous image takes its name again"
aibuild release mini-linux --to lab --rollback
cloud_images releaser release

step "All releases"
aibuild releases

step "Proof: the image that the customer gets by its name boots"
mkdir -p "$farm/download"
id=$(cloud_image customer consumer mini-linuxx86_64)
# A project that an image is shared with does not see it in lists until it accepts it.
if [ "$id" = null ]; then
    id=$(cloud_image releaser release mini-linuxx86_64)
    say "the customer accepts the shared image $id"
    curl -fsS -X PUT -o /dev/null -H "X-Auth-Token: $(cloud_token customer consumer)" \
        -H 'Content-Type: application/json' "$glance/v2/images/$id/members/$customer" \
        -d '{"status":"accepted"}'
fi
curl -fsS -H "X-Auth-Token: $(cloud_token customer consumer)" "$glance/v2/images/$id" |
    jq '{name, status, visibility, size, min_disk, os_type, os_distro, builder, aibuild_imgid,
        build_number, os_hash_value: (.os_hash_value[0:16] + "…")}'
curl -fsS -o "$farm/download/from-lab.qcow2" \
    -H "X-Auth-Token: $(cloud_token customer consumer)" "$glance/v2/images/$id/file"
"$example/boot-test.sh" "$farm/download/from-lab.qcow2"

step "So does the raw one"
id=$(cloud_image releaser staging mini-linuxx86_64)
curl -fsS -o "$farm/download/from-ceph.raw" \
    -H "X-Auth-Token: $(cloud_token releaser staging)" "$glance/v2/images/$id/file"
qemu-img info "$farm/download/from-ceph.raw" | sed -n '2,3p'
"$example/boot-test.sh" "$farm/download/from-ceph.raw"

step "Done in $((SECONDS - began)) s"
if [ -n "$keep" ]; then
    cat <<END
Everything is still running. Open:

  $(aibuild web)
                                signs your browser in
  $url/releases                 which image is in which environment

Try:

  export AIBUILD_URL=$url
  export PATH=$bin:\$PATH
  aibuild build mini-linux                      one more build
  aibuild release mini-linux --to lab,ceph
  aibuild env check lab

With OpenStack's own client (python3-openstackclient):

  export OS_AUTH_URL=$keystone OS_USERNAME=releaser OS_PASSWORD=releaser-secret
  export OS_PROJECT_NAME=release OS_USER_DOMAIN_NAME=Default OS_PROJECT_DOMAIN_NAME=Default
  export OS_REGION_NAME=RegionOne OS_IDENTITY_API_VERSION=3
  openstack image list --long

Logs are in .cloud/log and .cloud/openstack/log. Stop everything with:

  make demo-stop
END
fi
