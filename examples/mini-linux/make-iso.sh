#!/bin/bash
# Makes the base image of mini-linux: a bootable ISO of about 18 MB from packages of this machine's
# distribution (kernel, busybox, dropbear, extlinux). Needs no root and no network.
#
#   make-iso.sh OUTPUT.iso
#
# The ISO boots from memory into a system with an SSH server, so that Packer can log in, and
# carries its own kernel and initramfs as files, so that scripts/install.sh can copy them from the
# CD to the disk. Nothing is done if OUTPUT.iso was made from the same inputs before.
set -euo pipefail

[ $# -eq 1 ] || { echo "usage: ${0##*/} OUTPUT.iso" >&2; exit 64; }
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
mkdir -p "$(dirname "$1")"
output=$(realpath "$1")
export PATH="$PATH:/usr/sbin:/sbin"

# What Packer logs in with while it installs. The installed system takes no password at all.
install_password=build

# From bus to file system; their dependencies are added by modprobe.
modules="virtio_pci virtio_blk virtio_net ata_piix sr_mod isofs ext4 evdev button"

die() { echo "${0##*/}: $*" >&2; exit 1; }

need() { # FILE PACKAGE
    [ -r "$1" ] || die "$1 is missing: apt-get install $2"
}

# The newest cloud kernel, installed or only unpacked (scripts/install-packages.sh does that).
kernel=
for system in "" "$here/../../.deps/kernel"; do
    for file in $(printf '%s\n' "$system"/boot/vmlinuz-*-cloud-amd64 | sort -V); do
        [ -r "$file" ] && [ -r "$system/lib/modules/${file##*/vmlinuz-}/modules.dep" ] || continue
        kernel=$file
        modules_root=${system:-/}
    done
    [ -z "$kernel" ] || break
done
[ -n "$kernel" ] || die "no kernel with its modules in /boot/vmlinuz-*-cloud-amd64 or .deps/kernel:
run scripts/install-packages.sh demo"
version=${kernel##*/vmlinuz-}
need /bin/busybox busybox-static
need /usr/sbin/dropbear dropbear-bin
need /usr/bin/scp openssh-client
need /usr/bin/extlinux extlinux
need /usr/lib/EXTLINUX/mbr.bin extlinux
need /usr/lib/ISOLINUX/isolinux.bin isolinux
need /usr/lib/syslinux/modules/bios/ldlinux.c32 syslinux-common
for tool in xorriso:xorriso cpio:cpio modprobe:kmod openssl:openssl; do
    command -v "${tool%%:*}" >/dev/null || die "${tool%%:*} is missing: apt-get install ${tool##*:}"
done
case $(ldd /bin/busybox 2>&1) in
*"not a dynamic"*) ;;
*) die "/bin/busybox is not static: apt-get install busybox-static" ;;
esac

# Made before from the same inputs?
inputs=$(sha256sum "${BASH_SOURCE[0]}" "$here"/iso/* "$kernel" /bin/busybox /usr/sbin/dropbear \
    /usr/bin/scp /usr/bin/extlinux | cut -d ' ' -f 1 | sha256sum | cut -d ' ' -f 1)
if [ -f "$output" ] && [ "$(cat "$output.inputs" 2>/dev/null)" = "$inputs" ]; then
    exit 0
fi

work=$(mktemp -d "$output.XXXXXX")
trap 'rm -rf "$work"' EXIT
root=$work/root
iso=$work/iso
mkdir -p "$root"/{bin,dev,etc/dropbear,proc,root,run,sys,tmp,mnt,modules,usr/bin,usr/sbin} "$iso"/{boot,isolinux}

# Programs, each with the libraries that it is linked to.
install_program() { # FILE
    install -D -m 755 "$1" "$root$1"
    { ldd "$1" 2>/dev/null || true; } | grep -o '/[^ ]*' | while read -r library; do
        [ -e "$root$library" ] || install -D -m 755 "$library" "$root$library"
    done
}
install -m 755 /bin/busybox "$root/bin/busybox"
/bin/busybox --list | while read -r applet; do
    [ "$applet" = busybox ] || ln -s busybox "$root/bin/$applet"
done
install_program /usr/sbin/dropbear
install_program /usr/bin/scp
install_program /usr/bin/extlinux
install -D -m 644 /usr/lib/EXTLINUX/mbr.bin "$root/usr/lib/EXTLINUX/mbr.bin"
# glibc finds users through these two.
for library in /lib/x86_64-linux-gnu/libnss_files.so.2 /lib/x86_64-linux-gnu/libnss_compat.so.2; do
    [ ! -e "$library" ] || install -D -m 755 "$library" "$root$library"
done

# Kernel modules in the order in which they must be inserted, each once.
for module in $modules; do
    modprobe --dirname "$modules_root" --set-version "$version" --show-depends "$module" || die "no kernel module $module"
done | awk '$1 == "insmod" && !seen[$2]++ { printf "%02d %s\n", ++count, $2 }' | while read -r number file; do
    # Some distributions compress modules; busybox insmod takes them plain.
    case $file in
    *.xz) xz -dc "$file" ;;
    *.zst) zstd -dqc "$file" ;;
    *) cat "$file" ;;
    esac >"$root/modules/$number-$(basename "$file" | sed 's/\.ko.*/.ko/')"
done

# Users and services.
cat >"$root/etc/passwd" <<-END
	root:x:0:0:root:/root:/bin/sh
	END
cat >"$root/etc/group" <<-END
	root:x:0:
	END
cat >"$root/etc/shadow" <<-END
	root:$(openssl passwd -6 -salt aibuild "$install_password"):19000:0:99999:7:::
	END
chmod 600 "$root/etc/shadow"
echo /bin/sh >"$root/etc/shells"
echo "passwd: files" >"$root/etc/nsswitch.conf"
install -m 644 "$here/iso/inittab" "$root/etc/inittab"
install -m 755 "$here/iso/rc" "$root/etc/rc"
install -m 755 "$here/iso/sshd" "$root/etc/sshd"
install -m 755 "$here/iso/udhcpc" "$root/etc/udhcpc"
install -D -m 755 "$here/iso/power-button" "$root/etc/acpi/PWRF/00000080"
ln -s bin/busybox "$root/init"

# One time stamp everywhere, so that the same packages make the same ISO.
export SOURCE_DATE_EPOCH=1700000000
find "$root" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
install -m 644 "$kernel" "$iso/boot/vmlinuz"
(cd "$root" && find . -print0 | LC_ALL=C sort -z |
    cpio --null --create --format newc --owner 0:0 --reproducible --quiet) |
    gzip -n -6 >"$iso/boot/initrd.gz"
install -m 644 /usr/lib/ISOLINUX/isolinux.bin /usr/lib/syslinux/modules/bios/ldlinux.c32 "$iso/isolinux"
install -m 644 "$here/iso/isolinux.cfg" "$iso/isolinux/isolinux.cfg"

find "$iso" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
xorriso -report_about WARNING -as mkisofs -quiet -V MINI-LINUX -J -R -o "$work/output" \
    -b isolinux/isolinux.bin -c isolinux/boot.cat \
    -no-emul-boot -boot-load-size 4 -boot-info-table "$iso" 2>"$work/log" ||
    { cat "$work/log" >&2; die "xorriso could not write $output"; }
mv "$work/output" "$output"
echo "$inputs" >"$output.inputs"
echo "made $output ($(($(stat -c %s "$output") / 1024 / 1024)) MiB, kernel $version)"
