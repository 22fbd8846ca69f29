#!/bin/bash
# Installs the missing Debian packages of the groups that are named, after printing their names and
# their size: install-packages.sh GROUP…
# Services that come with them (sshd, MariaDB, nginx) are neither started nor enabled: tests and demos
# start their own, on loopback, when they need them.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

declare -A groups
# What the Swift toolchain itself needs to run.
groups[toolchain]="libncurses6 libxml2"
# To compile and link. g++ brings the C and C++ headers and the linker that Swift uses. libjansson-dev
# is missing from what libcjose-dev depends on, though its pkg-config file asks for it.
groups[build]="g++ make pkg-config git ca-certificates
    libcjose-dev libcurl4-openssl-dev libgnutls28-dev libjansson-dev libmariadb-dev libmicrohttpd-dev
    libnbd-dev librabbitmq-dev libsqlite3-dev libssh-dev libssh2-1-dev libssl-dev libsystemd-dev
    libxml2-dev libyaml-dev libzip-dev zlib1g-dev"
# A farm on this machine, and the parts of examples/mini-linux, whose kernel is fetched below.
groups[demo]="packer qemu-system-x86 qemu-utils openssh-client openssh-server bubblewrap curl
    iproute2 jq slirp4netns tar util-linux busybox-static cpio dropbear-bin extlinux isolinux kmod
    openssl syslinux-common xorriso"
# To make packages and to test them.
groups[deb]="ansible-core debhelper dpkg-dev lintian mmdebstrap openssh-client systemd-container"
# The image services of OpenStack. They stay off: tests and the demo of releases start their own.
groups[openstack]="mariadb-server keystone glance-api uwsgi-core uwsgi-plugin-python3"
# The Git server and the registry of the demo of pushes.
groups[push]="docker-registry python3"
# The other real components of the tests.
groups[test]="ansible-core apache2 apache2-utils bsdextrautils chromium-driver docker.io docker-registry fish
    galera-4 git-lfs glewlwyd libfaketime man-db nginx nodejs ovmf prometheus python3 python3-aiosmtpd
    python3-jsonschema python3-jwt python3-pip python3-yaml rabbitmq-server rsync strace systemd wget
    zsh"

[ $# -gt 0 ] || die "name the groups of packages to install: ${!groups[*]}"

packages=()
for group in "$@"; do
    [ -n "${groups[$group]:-}" ] || die "no group of packages is named $group; there are: ${!groups[*]}"
    read -ra names -d '' <<<"${groups[$group]}" || true
    packages+=("${names[@]}")
done

policy=/usr/sbin/policy-rc.d
policy_mark="# written by aibuild's scripts/install-packages.sh while it runs"
lists_updated=

command -v apt-get >/dev/null && command -v dpkg-query >/dev/null || die \
    "this machine has no apt-get. Install the equivalents of these Debian packages, then run the
commands of the make target by hand (see the Makefile): ${packages[*]}"

installed() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# The output of apt goes to a file, and is shown only if it fails.
apt_log=$root/.deps/apt.log
apt() {
    mkdir -p "$root/.deps"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -q "$@" </dev/null >>"$apt_log" 2>&1
}

update_lists() {
    [ -z "$lists_updated" ] || return 0
    apt update || {
        tail -n 20 "$apt_log" >&2
        die "apt-get update failed; see its output above"
    }
    lists_updated=yes
}

# Missing or outdated package lists are updated, once.
has_candidate() {
    apt-cache policy "$1" 2>/dev/null | grep '^  Candidate: [^(]' >/dev/null
}

need_candidates() {
    local package
    for package in "$@"; do
        has_candidate "$package" || update_lists
        has_candidate "$package" || die "apt has no package $package. This project is made for
Debian 12 (bookworm); on another release, install its equivalent, then try again"
    done
}

remove_policy() {
    if grep -qsxF "$policy_mark" "$policy"; then as_root rm -f "$policy"; fi
}

# Exit status 101 keeps package scripts from starting services. An administrator's file is kept.
forbid_services() {
    trap remove_policy EXIT
    [ ! -e "$policy" ] || return 0
    printf '%s\n' '#!/bin/sh' "$policy_mark" 'exit 101' | as_root tee "$policy" >/dev/null
    as_root chmod 755 "$policy"
}

remove_policy # left by a run that was killed
missing=()
for package in "${packages[@]}"; do
    installed "$package" || missing+=("$package")
done

if [ ${#missing[@]} -gt 0 ]; then
    rm -f "$apt_log"
    need_candidates "${missing[@]}"
    say "Installing ${#missing[@]} missing Debian packages: ${missing[*]}"
    # "Need to get 123 MB of archives. After this operation, 456 MB of … will be used."
    apt-get install --assume-no --no-install-recommends "${missing[@]}" 2>/dev/null |
        grep -E '^(Need to get|After this operation)' || true
    forbid_services
    # If the lists are older than the archive, the package files that they name are gone.
    apt install -y --no-install-recommends "${missing[@]}" || {
        update_lists
        apt install -y --no-install-recommends "${missing[@]}"
    } || {
        tail -n 30 "$apt_log" >&2
        die "apt-get install failed; see the end of its output (.deps/apt.log) above"
    }
    remove_policy
    for package in "${missing[@]}"; do
        case $package in
        openssh-server) service=ssh ;;
        mariadb-server) service=mariadb ;;
        docker.io)
            service=docker
            # The socket would start the service on the first connection.
            as_root systemctl disable docker.socket >/dev/null 2>&1 || true
            ;;
        apache2 | docker-registry | nginx | prometheus | rabbitmq-server) service=$package ;;
        *) continue ;;
        esac
        # Without systemd, by the links of System V.
        if as_root systemctl disable "$service" >/dev/null 2>&1 ||
            as_root update-rc.d "$service" disable >/dev/null 2>&1; then
            say "$package: service $service is neither started nor enabled"
        else
            warn "$package: service $service was not started, but cannot be disabled"
        fi
    done
fi

# The kernel of mini-linux is unpacked, not installed: an installed cloud kernel, which has no
# drivers for real hardware, could become the default and be booted next.
[[ " $* " == *" demo "* ]] || exit 0
kernel_folder=$root/.deps/kernel
if ! compgen -G '/boot/vmlinuz-*-cloud-amd64' >/dev/null &&
    ! compgen -G "$kernel_folder/boot/vmlinuz-*-cloud-amd64" >/dev/null; then
    need_candidates linux-image-cloud-amd64
    kernel=$(apt-cache depends --important linux-image-cloud-amd64 |
        sed -n 's/^ *Depends: \(linux-image-.*-cloud-amd64\)$/\1/p' | head -n 1)
    [ -n "$kernel" ] || die "linux-image-cloud-amd64 depends on no kernel package"
    say "Unpacking $kernel into .deps/kernel (nothing is installed in /boot)"
    rm -rf "$kernel_folder" "$root/.deps/new"
    mkdir -p "$root/.deps/new"
    (cd "$root/.deps/new" && { apt-get -q download "$kernel" || {
        update_lists && apt-get -q download "$kernel"; }; })
    dpkg-deb -x "$root"/.deps/new/*.deb "$root/.deps/new/kernel"
    PATH=$PATH:/usr/sbin:/sbin depmod -b "$root/.deps/new/kernel" \
        "$(ls "$root/.deps/new/kernel/lib/modules")"
    mv "$root/.deps/new/kernel" "$kernel_folder"
    rm -rf "$root/.deps/new"
fi
