#!/bin/bash
# Follows docs/install.md on a running machine made by systemd-nspawn, from the packages to an image
# that a second person releases on the page, and takes everything away again: test-install.sh PID LOGS
#   PID   of the machine's process 1; the packages are in its /root/1
#   LOGS  a folder for the output
# Each command that a page tells people to run is looked up in that page first.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
[ $# -eq 2 ] || die "usage: ${0##*/} PID LOGS"
leader=$1 logs=$2
place=$(mktemp -d)
clean_up() {
    [ -z "${driver:-}" ] || kill "$driver" 2>/dev/null || true
    pkill -KILL -f -- "user-data-dir=$place/profile" || true
    rm -rf "$place"
}
trap clean_up EXIT

inside=(nsenter -t "$leader" -m -u -i -n -p -C -r -w --)
as() { # USER COMMAND…: in the folder of the packages, or that person's home
    "${inside[@]}" env -i TERM=dumb LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        runuser "$1" -s /bin/bash -c 'cd; [ ! -d 1 ] || cd 1
            export HOME=~ AIBUILD_CA_FILE=/usr/local/share/ca-certificates/own.crt; set -euo pipefail
            eval "$1"' _ "${*:2}"
}
quietly() { as "$@" >>"$logs/install.log" 2>&1; }
is() { # WHAT USER COMMAND
    quietly "$2" "$3" || die "not so: $1
$(tail -n 20 "$logs/install.log")"
}
eventually() { wait_for "${4:-60}" "$1; see ${logs#"$root"/}/install.log" quietly "$2" "$3"; }
follow() { # PAGE USER COMMAND [MORE]: more is what a person would type, or what a page leaves open
    grep -qF -- "$3" "docs/$1" || die "docs/$1 does not say: $3"
    echo "\$ $3 ${4:-}" >>"$logs/install.log"
    is "$3 succeeds" "$2" "$3 ${4:-}"
}
# yaml PAGE LINES: what is to be put into a file is in the page as well
yaml() {
    local line
    while IFS= read -r line; do
        grep -qF -- "$line" "docs/$1" || die "docs/$1 does not say: $line"
    done <<<"$2"
    printf '%s\n' "$2"
}
cd "$root"

step "The people and the names of a site"
machine=/proc/$leader/root
name=builds1.example.org
quietly root "echo 127.0.0.1 $name kvm1.example.org >>/etc/hosts
    useradd -m anna && echo 'anna ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/anna
    echo 'correct horse battery' | install -m 644 /dev/stdin /srv/password"
quietly anna 'mkdir -m 700 .ssh && ssh-keygen -q -t ed25519 -N "" -f .ssh/id_ed25519
    cp .ssh/id_ed25519.pub .ssh/authorized_keys
    echo "kvm1.example.org $(cut -d " " -f 1,2 /etc/ssh/ssh_host_ed25519_key.pub)" >.ssh/known_hosts'
# An authority of the site, and the coordinator's certificate.
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=own" -keyout "$place/ca.key" \
    -out "$place/ca.pem" 2>/dev/null
openssl req -newkey rsa:2048 -nodes -subj "/CN=$name" -keyout "$place/privkey.pem" 2>/dev/null |
    openssl x509 -req -days 2 -CA "$place/ca.pem" -CAkey "$place/ca.key" -CAcreateserial \
        -extfile <(echo "subjectAltName=DNS:$name") -out "$place/fullchain.pem" 2>/dev/null
install -m 644 "$place/ca.pem" "$machine/usr/local/share/ca-certificates/own.crt"
install -m 600 -t "$machine/root/1" "$place/fullchain.pem" "$place/privkey.pem"
quietly root update-ca-certificates

step "The coordinator"
follow install.md root "apt install ./aibuild_*.deb ./aibuild-coordinator_*.deb" -y
eventually "the coordinator answers" root 'aibuild version'
# It reports that there is no host yet.
quietly root 'aibuild doctor' || true
grep -q "FAIL No hosts" "$logs/install.log" || die "aibuild doctor does not miss a host"
follow install.md root "aibuild user add anna --role administrator" "--password-file /srv/password"
follow install.md root "install -d /etc/aibuild/tls"
follow install.md root "install -m 644 fullchain.pem /etc/aibuild/tls/fullchain.pem"
follow install.md root "install -m 640 -g _aibuild privkey.pem /etc/aibuild/tls/key.pem"
yaml install.md "api:
  listen: 0.0.0.0
  url: https://$name:9753
  tls: {certificate_file: /etc/aibuild/tls/fullchain.pem, key_file: /etc/aibuild/tls/key.pem}" \
    >"$place/api.yml"
sed -i -e "/^  listen: 127.0.0.1$/d" -e "/^api:$/{r $place/api.yml
    d}" "$machine/etc/aibuild/coordinator.yml"
follow install.md root "aibuild-coordinator check-config && systemctl restart aibuild-coordinator"
follow install.md anna "aibuild login --url https://$name:9753 --user anna" "--password-file /srv/password"
eventually "anna reaches it" anna 'aibuild version'
is "whom it is by TLS" anna 'aibuild whoami | grep anna'
is "not without it" anna "! curl -fsS -m 5 http://$name:9753/healthz"

step "A host, by anna's SSH and sudo"
follow install.md anna "aibuild host add kvm1 --address anna@kvm1.example.org"
is "it is ready" anna 'aibuild host list | grep -w ready'
is "there is nothing to mend" anna 'aibuild doctor'

step "An image that a second person releases"
quietly root 'mkdir -p /root/registry && cat >/root/registry.yml <<REGISTRY
version: 0.1
storage: {filesystem: {rootdirectory: /root/registry}}
http: {addr: 127.0.0.1:5000}
REGISTRY
    systemd-run --unit=registry docker-registry serve /root/registry.yml'
eventually "the registry serves" root 'curl -fsS http://127.0.0.1:5000/v2/'
follow install.md anna "aibuild env add shop --kind registry --registry-url http://127.0.0.1:5000 \
--repository 'images/{guestos}' --approval required"
follow install.md anna "aibuild user add bert --role release-manager" "--password-file /srv/password"
examples/mini-linux/prepare.sh "$place/mini" >>"$logs/install.log" 2>&1
cp -r "$place/mini/template" "$machine/srv/my-linux"
cp "$place/mini/mini-linux.iso" "$machine/srv/mini-linux.iso"
sed -i "s|file://$place/mini/|file:///srv/|" "$machine/srv/my-linux/aibuild.yml"
yaml install.md "release: {to: [shop]}" >>"$machine/srv/my-linux/aibuild.yml"
follow install.md anna "aibuild guestos add my-linux --type linux --template /srv/my-linux"
follow install.md anna "aibuild build my-linux --follow"
is "the image is published" anna "curl -fsS https://$name:9753/images/release/my-linux/latest.json \
    --cacert \$AIBUILD_CA_FILE >latest.json"
eventually "its release waits" anna 'aibuild releases | grep -i approval'
is "anna's image is not in the registry" root '! curl -fsS http://127.0.0.1:5000/v2/images/my-linux/tags/list'

# The browser has the network of the machine, and nothing else of it.
nsenter -t "$leader" -n chromedriver --port=9515 >"$logs/chromedriver.log" 2>&1 &
driver=$!
webdriver() { # METHOD PATH [JSON]
    nsenter -t "$leader" -n curl -sS -m 60 -X "$1" -H 'Content-Type: application/json' \
        ${3:+-d "$3"} "http://127.0.0.1:9515$2" | tee -a "$logs/chromedriver.log"
}
wait_for 30 "chromedriver serves" webdriver GET /status >/dev/null 2>&1
session=/session/$(webdriver POST /session '{"capabilities": {"alwaysMatch": {"browserName": "chrome",
    "acceptInsecureCerts": true, "goog:chromeOptions": {"args": ["--headless=new", "--no-sandbox",
    "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking",
    "--host-resolver-rules=MAP '"$name"' 127.0.0.1", "--user-data-dir='"$place"'/profile"]}}}}' |
    json_field value.sessionId)
element() { # SELECTOR
    webdriver POST "$session/element" "{\"using\": \"css selector\", \"value\": \"$1\"}" |
        jq -er '.value | to_entries[0].value | strings'
}
open() { webdriver POST "$session/url" "{\"url\": \"https://$name:9753$1\"}" >/dev/null; }
write() { webdriver POST "$session/element/$(element "$1")/value" "{\"text\": \"$2\"}" >/dev/null; }
click() { webdriver POST "$session/element/$(element "$1")/click" '{}' >/dev/null; }
reads() { webdriver GET "$session/element/$(element body)/text" | grep -q -- "$1"; }
open /releases
write 'input[name=name]' bert
write 'input[name=password]' 'correct horse battery'
click 'form.sign-in button'
wait_for 30 "bert sees the release" reads my-linux
click 'button[data-post$=approve]'
eventually "it is released" anna 'aibuild releases | grep -w released' 120
released=$(as anna 'aibuild releases --json' | jq -r '.items[0].remoteID')
kept=$(as root 'curl -fsSI http://127.0.0.1:5000/v2/images/my-linux/manifests/latest \
    -H "Accept: application/vnd.oci.image.manifest.v1+json"' | tr -d '\r' |
    sed -n 's/^docker-content-digest: //Ip')
[[ -n $kept && $released == *"$kept"* ]] ||
    die "the registry has '$kept', and '$released' was released"
is "the audit log says who approved it" anna 'aibuild audit --actor bert | grep release.approve'
webdriver DELETE "$session" >/dev/null

step "Everything is taken away"
is "the host is removed" anna 'aibuild host remove kvm1 --uninstall anna@kvm1.example.org'
is "the packages are purged" root 'apt-get purge -y aibuild aibuild-coordinator'
quietly root 'systemctl stop registry; systemctl stop "user@$(id -u anna)" || true
    pkill -KILL -u anna || true; userdel --remove --force anna
    systemctl reset-failed
    rm -rf /root/registry* /root/1/*.pem /srv/* /var/www /etc/sudoers.d/anna /etc/aibuild \
        /usr/local/share/ca-certificates/own.crt
    update-ca-certificates --fresh; sed -i "/example.org/d" /etc/hosts
    [ -s /etc/hosts ] || rm /etc/hosts; rm -f /etc/subuid- /etc/subgid-'
