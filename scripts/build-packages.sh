#!/bin/bash
# Makes Debian packages of release programs: build-packages.sh
#   BIN       the folder of the programs (.build/bin)
#   REVISION  distinguishes packages of one version (1)
#   DEB_LEVEL of xz: 0 is fast (6)
# The packages are in .build/deb. Whoever passes them on sets DEBFULLNAME and DEBEMAIL.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$root"
bin=${BIN:-.build/bin} out=.build/deb
programs=(aibuild aibuild-coordinator aibuild-agent aibuild-fetch)
version=$(scripts/version.sh)

for program in "${programs[@]}"; do
    [ -x "$bin/$program" ] || die "$bin/$program is missing: run make build first"
    # `aibuild-agent 1.2.3, protocol 1.2`
    built=$("$bin/$program" --version) || built=
    [[ "$built," == "$program $version,"* ]] ||
        die "$bin/$program is '$built', this source tree $version: run make build first"
done

rm -rf "$out"
mkdir -p "$out/source"
cp -R deploy docs README.md CHANGELOG.md "$out/source/"
mv "$out/source/deploy/debian" "$out/source/debian"
install -D -t "$out/source/bin" "${programs[@]/#/$bin/}"
cd "$out/source"

maintainer="${DEBFULLNAME:-aibuild contributors} <${DEBEMAIL:-aibuild@example.org}>"
sed -i "s/^Maintainer: .*/Maintainer: $maintainer/" debian/control
# Packages of one commit are the same, whenever they are made.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git -C "$root" log -1 --format=%ct 2>/dev/null || date +%s)}
export SOURCE_DATE_EPOCH
cat >debian/changelog <<ENTRY
aibuild ($version-${REVISION:-1}) unstable; urgency=medium

  * Version $version; see changelog.gz.

 -- $maintainer  $(LC_ALL=C date --utc --date="@$SOURCE_DATE_EPOCH" '+%a, %d %b %Y %H:%M:%S +0000')
ENTRY

log=../build.log
dpkg-buildpackage --build=binary --no-sign >"$log" 2>&1 || {
    tail -n 30 "$log" >&2
    die "dpkg-buildpackage failed; see the end of its output ($out/build.log) above"
}
cd "$root"
du --apparent-size --si "$out"/*.deb
