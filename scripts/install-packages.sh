#!/bin/bash
# Installs the Debian packages that building, testing and the demo need and that are missing here,
# and says which. Services that come with them (sshd, MariaDB) are neither started nor enabled:
# tests and demo start their own, on loopback, as they need them.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# To compile and link. The toolchain needs libxml2 itself, and g++ brings the C and C++ headers
# and the linker that Swift uses.
packages=(g++ libxml2 make pkg-config git ca-certificates
    libcurl4-openssl-dev libmariadb-dev libmicrohttpd-dev libnbd-dev libsqlite3-dev libssh-dev
    libssh2-1-dev libssl-dev libsystemd-dev libxml2-dev libyaml-dev libzip-dev zlib1g-dev)
# What the tests and the demo run: the real components.
packages+=(packer qemu-system-x86 qemu-utils ovmf openssh-client openssh-server mariadb-server galera-4
    apache2-utils curl docker.io docker-registry iproute2 jq libfaketime python3 python3-pip
    rsync tar)
# A real OpenStack, as far as images go. Its services stay off: the tests start their own.
packages+=(keystone glance-api uwsgi-core uwsgi-plugin-python3)
# What examples/mini-linux is made of; its kernel is fetched below.
packages+=(busybox-static cpio dropbear-bin extlinux isolinux kmod openssl syslinux-common xorriso)

policy=/usr/sbin/policy-rc.d
policy_mark="# written by aibuild's scripts/install-packages.sh while it runs"
lists_updated=

command -v apt-get >/dev/null && command -v dpkg-query >/dev/null || die \
    "this machine has no apt-get. Install what corresponds to these Debian packages, then run the
make target's commands by hand (they stand in the Makefile): ${packages[*]}"

installed() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# apt's many words go into a file, and are shown if it fails.
apt_log=$root/.deps/apt.log
apt() {
    mkdir -p "$root/.deps"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -q "$@" </dev/null >>"$apt_log" 2>&1
}

update_lists() {
    [ -z "$lists_updated" ] || return 0
    apt update || {
        tail -n 20 "$apt_log" >&2
        die "apt-get update failed; its words stand above"
    }
    lists_updated=yes
}

# Package lists that are absent or that lack a package are updated, once.
has_candidate() {
    apt-cache policy "$1" 2>/dev/null | grep '^  Candidate: [^(]' >/dev/null
}

need_candidates() {
    local package
    for package in "$@"; do
        has_candidate "$package" || update_lists
        has_candidate "$package" || die "apt knows no package $package. This project is made for
Debian 12 (bookworm); on another release, install what corresponds to it, then try again"
    done
}

remove_policy() {
    if grep -qsxF "$policy_mark" "$policy"; then as_root rm -f "$policy"; fi
}

# An answer of 101 forbids package scripts to start services. An administrator's own file stays.
forbid_services() {
    trap remove_policy EXIT
    [ ! -e "$policy" ] || return 0
    printf '%s\n' '#!/bin/sh' "$policy_mark" 'exit 101' | as_root tee "$policy" >/dev/null
    as_root chmod 755 "$policy"
}

remove_policy # of a run that was killed
missing=()
for package in "${packages[@]}"; do
    installed "$package" || missing+=("$package")
done

if [ ${#missing[@]} -gt 0 ]; then
    rm -f "$apt_log"
    say "installing ${#missing[@]} missing Debian packages: ${missing[*]}"
    need_candidates "${missing[@]}"
    forbid_services
    # The lists may be older than the archive, whose old package files are then gone.
    apt install -y --no-install-recommends "${missing[@]}" || {
        update_lists
        apt install -y --no-install-recommends "${missing[@]}"
    } || {
        tail -n 30 "$apt_log" >&2
        die "apt-get install failed; the end of its words (.deps/apt.log) stands above"
    }
    remove_policy
    for package in "${missing[@]}"; do
        case $package in
        openssh-server) service=ssh ;;
        mariadb-server) service=mariadb ;;
        docker.io)
            service=docker
            # What would start the service at the first call.
            as_root systemctl disable docker.socket >/dev/null 2>&1 || true
            ;;
        docker-registry) service=docker-registry ;;
        *) continue ;;
        esac
        # Where there is no systemd, then by the links of System V.
        if as_root systemctl disable "$service" >/dev/null 2>&1 ||
            as_root update-rc.d "$service" disable >/dev/null 2>&1; then
            say "$package: the service $service is neither started nor enabled"
        else
            warn "$package: the service $service was not started, but could not be disabled"
        fi
    done
fi

# The kernel of mini-linux is unpacked rather than installed: an installed cloud kernel sorts above
# the machine's own and would be what boots next, without the drivers of real hardware.
kernel_folder=$root/.deps/kernel
if ! compgen -G '/boot/vmlinuz-*-cloud-amd64' >/dev/null &&
    ! compgen -G "$kernel_folder/boot/vmlinuz-*-cloud-amd64" >/dev/null; then
    need_candidates linux-image-cloud-amd64
    kernel=$(apt-cache depends --important linux-image-cloud-amd64 |
        sed -n 's/^ *Depends: \(linux-image-.*-cloud-amd64\)$/\1/p' | head -n 1)
    [ -n "$kernel" ] || die "linux-image-cloud-amd64 names no kernel package"
    say "unpacking $kernel into .deps/kernel (nothing is installed into /boot)"
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
