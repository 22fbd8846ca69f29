#!/bin/sh
# Prints the manual page of a configuration file: config-page.sh coordinator|agent
set -eu
name=$1
cat <<PAGE
.TH AIBUILD\\-$(echo "$name" | tr a-z A-Z).YML 5 "" "aibuild"
.SH NAME
aibuild\\-$name.yml \\- configuration of aibuild\\-$name
.SH DESCRIPTION
.I /etc/aibuild/$name.yml
configures
.BR aibuild\\-$name (8).
It is written in YAML.
An unknown key, or a value of the wrong type, is an error that names file, line and column.
Restart the service after a change; builds that run continue.
.SH KEYS
The file as it is shipped, with every key and its default:
.PP
.nf
PAGE
# A line that begins with a dot or an apostrophe would be a request.
sed -e 's/\\/\\e/g; s/-/\\-/g' -e "s/^[.']/\\\\\\&&/" "deploy/$name.yml"
cat <<PAGE
.fi
.SH FILES
.I /etc/aibuild/$name.yml
.SH SEE ALSO
.BR aibuild\\-$name (8)
PAGE
