#!/bin/bash
# Tests deploy/ansible on a running machine made by systemd-nspawn, without any of our packages: a
# coordinator and a host that converge, and are then left alone: test-ansible.sh PID DEBS LOGS
#   PID   of the machine's process 1
#   DEBS  a folder with the packages
#   LOGS  a folder for the output
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
[ $# -eq 3 ] || die "usage: ${0##*/} PID DEBS LOGS"
leader=$1 debs=$2 logs=$3
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT

inside=(nsenter -t "$leader" -m -u -i -n -p -C -r -w --)
shell() { "${inside[@]}" bash -euo pipefail -c "$1" shell "${@:2}"; }

# The machine has no network: each connection is a server of its own.
ssh-keygen -q -t ed25519 -N '' -f "$place/key"
shell 'install -d -m 700 /root/.ssh /run/sshd && cat >>/root/.ssh/authorized_keys' <"$place/key.pub"
cat >"$place/inventory.yml" <<INVENTORY
all:
  vars:
    ansible_user: root
    ansible_python_interpreter: /usr/bin/python3
    ansible_ssh_private_key_file: $place/key
    ansible_ssh_common_args: >-
      -o ProxyCommand='${inside[*]} /usr/sbin/sshd -i' -o StrictHostKeyChecking=no
      -o UserKnownHostsFile=/dev/null -o ControlPath=$place/%C
    aibuild_debs: $debs
    aibuild_coordinator_config: {web_root: /var/www/html, limits: {queued_builds: 77}}
    aibuild_users:
      - {name: anna, role: administrator, teams: [storage, network], password: correct horse battery}
      - {name: prometheus, role: viewer, password: battery horse correct}
    aibuild_host_recommends: false
    aibuild_host_config: {slots: 3, tags: [ansible]}
    aibuild_host_address: _aibuild-agent@127.0.0.1
  children:
    aibuild_coordinators: {hosts: {kvm9.example.org: {}}}
    aibuild_hosts: {hosts: {kvm9.example.org: {}}}
INVENTORY

# play NAME [OPTION…]: prints the line with the numbers
play() {
    local name=$1
    shift
    ANSIBLE_SSH_ARGS='-o ControlMaster=auto -o ControlPersist=10s' ANSIBLE_PIPELINING=1 \
        ANSIBLE_NOCOLOR=1 ANSIBLE_RETRY_FILES_ENABLED=0 LC_ALL=C.UTF-8 \
        ansible-playbook -i "$place/inventory.yml" --diff "$root/deploy/ansible/site.yml" "$@" \
        >"$logs/$name.log" 2>&1 || {
        tail -n 40 "$logs/$name.log" >&2
        die "the play $name failed; see the end of its output above"
    }
    grep -E '^kvm9.* ok=' "$logs/$name.log"
}
# numbers WORD… : fails unless each is in the line
numbers() {
    local line=$1 word
    shift
    for word in "$@"; do [[ " $line " == *" $word "* ]] || die "not $word, but: $line"; done
}
check() { shell "$2" >>"$logs/ansible-checks.log" 2>&1 || die "not so: $1
$(tail -n 20 "$logs/ansible-checks.log")"; }

line=$(play ansible-first)
numbers "$line" failed=0 unreachable=0
check "the host is ready" 'aibuild host list | grep -E "^kvm9[[:space:]].*ready"'
check "it has its settings" 'aibuild host show kvm9 --json | grep "\"slots\":3" | grep ansible'
check "the users are there" 'aibuild user list --json | grep "\"anna\"" | grep "\"prometheus\""'
check "anna can sign in" 'echo "correct horse battery" | HOME=/tmp/anna AIBUILD_TOKEN= \
    aibuild login --url http://127.0.0.1:9753 --user anna --password-file -'
check "the coordinator has its settings" 'grep "queued_builds: 77" /etc/aibuild/coordinator.yml'
check "the services are enabled" 'systemctl is-enabled aibuild-coordinator aibuild-agent'
started=$(shell 'systemctl show --value -p MainPID aibuild-coordinator aibuild-agent')

line=$(play ansible-second)
numbers "$line" changed=0 failed=0 unreachable=0
[ "$(shell 'systemctl show --value -p MainPID aibuild-coordinator aibuild-agent')" = "$started" ] ||
    die "a second run restarted the services"

# What differs is changed, and nothing else: the settings with a restart, and a role.
sed -i 's/queued_builds: 77/queued_builds: 78/; s/role: viewer/role: operator/' \
    "$place/inventory.yml"
line=$(play ansible-change)
numbers "$line" changed=3 failed=0
check "the role is changed" \
    'aibuild user list --json | grep -E "\"prometheus\",\"role\":\"operator\""'
# A configuration that the coordinator refuses does not take the place of the one that works.
sed -i 's/queued_builds: 78/queued_bilds: 78/' "$place/inventory.yml"
if (play ansible-refused) >/dev/null 2>&1; then die "a wrong coordinator.yml is accepted"; fi
grep -q queued_bilds "$logs/ansible-refused.log" || die "the play does not say what is wrong"
check "the configuration is kept" 'grep "queued_builds: 78" /etc/aibuild/coordinator.yml'
