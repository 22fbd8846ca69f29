#!/bin/bash
# Lays out a template repository that is ready to be registered:
#
#   prepare.sh DIR
#
# DIR/mini-linux.iso   the base image (made by make-iso.sh, kept while its inputs stay the same)
# DIR/template/        the template: aibuild.yml with URL and digest of that ISO, the Packer
#                      templates, scripts/, tests/. Text files only.
#
# Prints the path of DIR/template on standard output.
set -euo pipefail

[ $# -eq 1 ] || { echo "usage: ${0##*/} DIR" >&2; exit 64; }
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
mkdir -p "$1"
dir=$(realpath "$1")
iso=$dir/mini-linux.iso
case $dir in
*[!A-Za-z0-9/._-]*)
    echo "${0##*/}: $dir: choose a path of letters, digits and . _ - /, it becomes part of a URL" >&2
    exit 64
    ;;
esac

"$here/make-iso.sh" "$iso" >&2
sha256=$(sha256sum "$iso" | cut -d ' ' -f 1)

rm -rf "$dir/template.new"
mkdir -p "$dir/template.new"
cp -r "$here/mini-linuxx86_64.json" "$here/mini-linux.pkr.hcl" "$here/scripts" "$here/tests" \
    "$here/README.md" "$dir/template.new"
sed -e "s|@URL@|file://$iso|" -e "s|@SHA256@|$sha256|" "$here/aibuild.yml.in" \
    >"$dir/template.new/aibuild.yml"
rm -rf "$dir/template"
mv "$dir/template.new" "$dir/template"
echo "$dir/template"
