#!/bin/bash
# Tests the packages in .build/deb on a Debian 12 of its own, with systemd as process 1: installs,
# restarts, upgrades, removes and purges them while a build runs, and lets Ansible install them:
# test-packages.sh
# It needs root, and leaves nothing behind but its log in .build/deb/test.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
[ "$(id -u)" -eq 0 ] || exec sudo REVISION="${REVISION:-}" -- "$0"
cd "$root"

debs=("$root"/.build/deb/*.deb)
[ ${#debs[@]} -eq 3 ] || die "found ${#debs[@]} packages in .build/deb instead of three: run make deb first"
log=$root/.build/deb/test
rm -rf "$log" && mkdir -p "$log"
nspawn='' leader=''
place=$(mktemp -d /var/tmp/aibuild-packages.XXXXXX)
machine=$place/machine

# --- A machine

children() { cat /proc/"$1"/task/*/children 2>/dev/null; }

inside() {
    nsenter -t "$leader" -m -u -i -n -p -C -r -w -- env DEBIAN_FRONTEND=noninteractive \
        LC_ALL=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
}
shell() { inside bash -euo pipefail -c "$1" shell "${@:2}"; }
quietly() { shell "$@" >>"$log/commands.log" 2>&1; }

make_machine() {
    local mirror
    # That of this machine.
    mirror=$(apt-get indextargets --format '$(REPO_URI) $(CODENAME)' 'Created-By: Packages' |
        sed -n '/ bookworm$/{s///;p;q}')
    for deb in "${debs[@]}"; do dpkg-deb -f "$deb" Depends; done | paste -sd, >"$place/depends"
    mmdebstrap --variant=minbase --aptopt='APT::Install-Recommends "false"' \
        --include=systemd,systemd-sysv,dbus,procps,sqlite3,openssh-server,python3,python3-apt \
        --include=curl,docker-registry,sudo \
        --include=ca-certificates,git,gpgv,packer,qemu-system-x86,qemu-utils \
        --customize-hook="chroot \"\$1\" apt-get install -y libpam-systemd" \
        --customize-hook="chroot \"\$1\" apt-get satisfy -y \"\$(cat '$place/depends')\"" \
        --customize-hook="chroot \"\$1\" systemctl mask $masked" \
        --customize-hook=': >"$1/etc/machine-id"' \
        bookworm "$machine" ${mirror:+"$mirror"} >"$log/machine.log" 2>&1 || {
        tail -n 20 "$log/machine.log" >&2
        die "mmdebstrap failed; see the end of its output above"
    }
}

# They would change settings of this machine's kernel. The others want a terminal.
masked="systemd-sysctl.service systemd-binfmt.service proc-sys-fs-binfmt_misc.automount \
    systemd-modules-load.service systemd-udevd.service getty.target console-getty.service docker-registry.service"

# With a writable /proc, as on a real machine: the kernel lets no sandbox mount a /proc if parts of
# that outside are covered.
boot_machine() {
    # The caller's control group is that of the machine: one of its own, which can be removed.
    bash -c 'for folder in /sys/fs/cgroup/{systemd,unified,memory,pids,cpu,}; do
            [ -e "$folder/cgroup.procs" ] || continue
            mkdir -p "$folder/$1" && echo $$ >"$folder/$1/cgroup.procs" || true
        done
        shift && exec "$@"' \
        _ "${place##*/}" env SYSTEMD_NSPAWN_API_VFS_WRITABLE=1 \
        systemd-nspawn --quiet --directory="$machine" --machine=aibuild-packages --register=no \
        --keep-unit --private-network --resolv-conf=off --link-journal=no --timezone=off \
        --kill-signal=SIGRTMIN+4 --console=pipe --boot >"$log/console.log" 2>&1 </dev/null &
    nspawn=$!
    wait_for 60 "the machine boots; see $log/console.log" is_running
}

is_running() {
    kill -0 "$nspawn" 2>/dev/null || die "the machine does not boot; see $log/console.log"
    local own
    own=$(children "$nspawn") && leader=$(children "${own%% *}") || true
    # nspawn has one child, which is process 1 or its parent.
    leader=${leader:-$own} leader=${leader%% *}
    [ -n "$leader" ] || return 1
    case $(inside systemctl is-system-running 2>/dev/null) in
    running | degraded) ;;
    *) return 1 ;;
    esac
}

clean_up() {
    local status=$? folder
    if [ -n "$leader" ]; then inside journalctl --no-pager >"$log/journal.log" 2>&1 || true; fi
    if [ -n "$nspawn" ] && kill -TERM "$nspawn" 2>/dev/null; then
        for _ in $(seq 100); do kill -0 "$nspawn" 2>/dev/null && sleep 0.1 || break; done
        kill -KILL "$nspawn" 2>/dev/null || true
        wait "$nspawn" 2>/dev/null || true
    fi
    for folder in /sys/fs/cgroup/{systemd,unified,memory,pids,cpu,}; do
        [ ! -d "$folder/${place##*/}" ] ||
            find "$folder/${place##*/}" -depth -type d -exec rmdir {} + 2>/dev/null || true
    done
    umount --lazy "$place" && rmdir "$place"
    [ -z "${SUDO_UID:-}" ] || chown -R "$SUDO_UID" "$log"
    [ $status -eq 0 ] || warn "failed; the logs are in ${log#"$root"/}"
}
trap clean_up EXIT
# In memory, for the sake of dpkg, which waits for the disk after each package.
mount -t tmpfs -o size=8g,mode=755 tmpfs "$place"

# --- What is checked

same() { [ "$1" = "$2" ] || die "$3: '$1' instead of '$2'"; }
is() { quietly "$2" || die "not so: $1
$(tail -n 20 "$log/commands.log")"; }
eventually() { wait_for "${3:-60}" "$1; see ${log#"$root"/}" quietly "$2"; }
install() { is "the packages are installed" "apt-get install -y --no-install-recommends $1"; }
# Those that the system itself makes in the meantime are left out.
files() {
    shell 'find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /run -o -path /tmp \
        -o -path /var/log -o -path /var/tmp -o -path /var/cache -o -path /var/lib/apt \
        -o -path /var/lib/dpkg -o -path /var/lib/systemd -o -path /root \) -prune -o -print' | sort
}
pid_of() { shell 'systemctl show --value --property=MainPID "$1"' "$1"; }

step "A Debian 12 with systemd, and what the packages depend on"
make_machine
mkdir -p "$machine/root/1" "$machine/root/2"
cp "${debs[@]}" "$machine/root/1/"
version=$(scripts/version.sh)
for deb in "${debs[@]}"; do
    same "$(dpkg-deb -f "$deb" Version)" "$version-${REVISION:-1}" "version of ${deb##*/}"
    # The next revision.
    dpkg-deb -R "$deb" "$place/next"
    sed -i "s/^Version: .*/Version: $version-999/" "$place/next/DEBIAN/control"
    # The coordinator's has that of the agent, which was made before.
    for inner in "$place"/next/usr/share/aibuild/agent/*.deb; do
        [ ! -e "$inner" ] || rm "$inner"
        [ ! -d "${inner%/*}" ] || cp "$machine"/root/2/aibuild-agent_*.deb "${inner%/*}/"
    done
    name=${deb##*/}
    dpkg-deb -Znone --root-owner-group -b "$place/next" \
        "$machine/root/2/${name/_$version-*_/_$version-999_}" >/dev/null
    rm -rf "$place/next"
done
boot_machine
say "systemd $(inside systemctl is-system-running || true)"
files >"$log/before"

scripts/test-install.sh "$leader" "$log"

step "A host in one command"
mkdir -p "$machine/srv/gate" "$machine/srv/demo"
# The CLI and the coordinator, which has the agent's package.
install '/root/1/aibuild_*.deb /root/1/aibuild-coordinator_*.deb'
eventually "the coordinator is active" "systemctl is-active aibuild-coordinator && aibuild version"
add='aibuild host add kvm1 --address root@127.0.0.1'
quietly 'mkdir -p ~/.ssh && ssh-keygen -q -t ed25519 -N "" -f ~/.ssh/id_ed25519 &&
    cp ~/.ssh/id_ed25519.pub ~/.ssh/authorized_keys'
none='! dpkg-query -W aibuild-agent && ! id _aibuild-agent && [ ! -e /var/lib/aibuild-agent ] &&
    aibuild host list | grep "^No hosts"'
is "an unknown host key is refused" "! $add </dev/null && $none"
quietly 'echo "127.0.0.1 $(cut -d " " -f 1,2 /etc/ssh/ssh_host_ed25519_key.pub)" >~/.ssh/known_hosts'
# The agent does not start.
drop=/etc/systemd/system/aibuild-agent.service.d
quietly "mkdir -p $drop && printf '[Service]\nExecStartPre=/bin/false\n' >$drop/test.conf"
is "what was done is taken back" "! $add && $none"
quietly "rm -r $drop && systemctl daemon-reload"
# The coordinator is not let in.
quietly 'echo "DenyUsers _aibuild-agent" >/etc/ssh/sshd_config.d/test.conf && systemctl reload ssh'
is "the registration is taken back as well" "! $add && $none"
quietly 'rm /etc/ssh/sshd_config.d/test.conf && systemctl reload ssh'
is "the host is set up" "$add | tee /root/added"
is "it is ready" 'aibuild host list | tee /dev/stderr | grep -w ready'
is "a second time changes nothing" "$add | tee /root/again && ! grep ^done /root/again"
cp "$machine/root/added" "$machine/root/again" "$log/"

step "Install"
install '/root/1/*.deb'
for unit in aibuild-coordinator aibuild-agent; do
    eventually "$unit is active" "systemctl is-active $unit"
    is "$unit is enabled" "systemctl is-enabled $unit"
    is "$unit has not been restarted" "[ \$(systemctl show --value -p NRestarts $unit) = 0 ]"
done
is "no unit has failed" '[ -z "$(systemctl --failed --plain --no-legend | tee /dev/stderr)" ]'
for program in aibuild aibuild-coordinator aibuild-agent aibuild-fetch; do
    words=$(shell "$program --version")
    same "${words%%,*}" "$program $version" "version of $program"
done
is "the API has this version" "aibuild version | grep -F 'coordinator $version, protocol '"
is "the CLI of root finds the token" 'aibuild builds'
is "the API is on loopback only" \
    'ss -Hltn "sport = :9753" | tee /dev/stderr | [ "$(awk "{print \$4}")" = 127.0.0.1:9753 ]'
same "$(shell 'cd /var/lib && stat -c "%n %U:%G %a" aibuild aibuild/secret.key aibuild/api.token \
    aibuild/ssh aibuild/ssh/id_ed25519 aibuild-agent aibuild-agent/.ssh /etc/aibuild/*.yml /var/www/html/images')" \
    "aibuild _aibuild:_aibuild 750
aibuild/secret.key _aibuild:_aibuild 600
aibuild/api.token _aibuild:_aibuild 600
aibuild/ssh _aibuild:_aibuild 700
aibuild/ssh/id_ed25519 _aibuild:_aibuild 600
aibuild-agent _aibuild-agent:_aibuild-agent 700
aibuild-agent/.ssh _aibuild-agent:_aibuild-agent 700
/etc/aibuild/agent.yml root:root 644
/etc/aibuild/coordinator.yml root:root 644
/var/www/html/images _aibuild:_aibuild 755" "owners and modes"
is "records are in SQLite" \
    'sqlite3 /var/lib/aibuild/aibuild.sqlite "select count(*) from schema_version"'
is "bash completes" \
    'source /usr/share/bash-completion/completions/aibuild && complete -p aibuild'
is "units are sound" \
    'systemd-analyze verify --man=no aibuild-coordinator.service aibuild-agent.service'

step "A build"
cat >"$machine/srv/demo/aibuild.yml" <<'TEMPLATE'
builder: command
command:
  - sh
  - -c
  - 'until [ -e /srv/gate/$AIBUILD_BUILD_NUMBER ]; do sleep 0.1; done;
    truncate -s 1M "$AIBUILD_OUTPUT/disk.raw"'
requirements: {memory: 64MiB, disk: 16MiB}
TEMPLATE
shell 'sed -i "s|^read_only: .*|read_only: [/srv/gate]|" /etc/aibuild/agent.yml
    systemctl restart aibuild-agent'
eventually "the host is ready" 'aibuild host list | tee /dev/stderr | grep -w ready'
is "the guest OS is registered" 'aibuild guestos add demo --type linux --template /srv/demo'
is "the build is queued" 'aibuild build demo'
eventually "the build runs" 'pgrep -u _aibuild-agent -x sleep'
supervisor=$(shell 'pgrep -u _aibuild-agent -f " supervise "' | head -n 1)

step "Upgrade, while it runs"
coordinator=$(pid_of aibuild-coordinator) agent=$(pid_of aibuild-agent)
keys=$(shell 'cat /var/lib/aibuild/{secret.key,api.token,ssh/id_ed25519} | sha256sum')
install '/root/2/aibuild_*.deb /root/2/aibuild-coordinator_*.deb'
eventually "the coordinator is active" "systemctl is-active aibuild-coordinator && aibuild version"
is "the host is upgraded" 'aibuild host upgrade --all --as root'
for unit in aibuild-coordinator aibuild-agent; do
    eventually "$unit is active" "systemctl is-active $unit"
done
is "the new version is installed" \
    '[ "$(dpkg-query -W -f "\${Version}\n" "aibuild*" | sort -u)" = '"$version-999 ]"
[ "$(pid_of aibuild-coordinator)" != "$coordinator" ] || die "the coordinator was not restarted"
[ "$(pid_of aibuild-agent)" != "$agent" ] || die "the agent was not restarted"
is "the supervisor runs on, in the old program" "readlink /proc/$supervisor/exe | grep -F '(deleted)'"
is "the changed agent.yml is kept" 'grep "^read_only: .*gate" /etc/aibuild/agent.yml'
quietly 'systemctl restart aibuild-coordinator aibuild-agent'
same "$(shell 'cat /var/lib/aibuild/{secret.key,api.token,ssh/id_ed25519} | sha256sum')" "$keys" "the keys"
quietly 'touch /srv/gate/1'
eventually "the build passes" 'aibuild show demo:1 --json | grep "\"state\":\"passed\""'
is "it had one attempt" '[ "$(aibuild show demo:1 | grep -cE "^[0-9]+[[:space:]]+build[[:space:]]+kvm1[[:space:]]")" = 1 ]'
image=$(shell 'find /var/www/html/images -name "*.raw"')
[ -n "$image" ] || die "the image is not published"

step "Remove, while another build runs"
is "the build is queued" 'aibuild build demo'
eventually "the build runs" 'pgrep -u _aibuild-agent -f " supervise "'
is "the packages are removed" 'apt-get remove -y aibuild aibuild-coordinator aibuild-agent'
eventually "no process of them is left" '! pgrep -u _aibuild && ! pgrep -u _aibuild-agent' 20
is "records and settings are still there" 'ls /var/lib/aibuild/aibuild.sqlite /etc/aibuild/agent.yml'
install '/root/2/*.deb'
eventually "the coordinator has its records again" 'aibuild show demo:1 --json | grep "\"state\":\"passed\""'

step "A host is removed"
quietly 'aibuild cancel demo:2'
eventually "the host is removed, with its agent" \
    'aibuild host remove kvm1 --uninstall root@127.0.0.1'
is "nothing of it is left" "$none"

step "Purge"
is "the packages are purged" 'apt-get purge -y aibuild aibuild-coordinator'
is "no user is left" '! cat /etc/passwd /etc/group | grep _aibuild'
same "$(shell 'stat -c %U "$1"' "$image")" root "the owner of the published image"
quietly 'rm -r /var/www /srv/demo /srv/gate'
files >"$log/after"
diff "$log/before" "$log/after" >"$log/left" || die "purging them leaves:
$(cat "$log/left")"
step "Ansible, twice"
scripts/test-ansible.sh "$leader" "$root/.build/deb" "$log"

step "Done in $SECONDS s"
