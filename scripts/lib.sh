# Functions shared by the scripts of this project. Source it from bash, after `set -euo pipefail`.

# The project's root folder.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say() { printf '%s\n' "$*"; }
warn() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
step() { printf '\n== %s\n' "$*"; }
die() {
    warn "$@"
    exit 1
}

# Runs a command as root: directly, or with sudo.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        die "this needs root, and sudo is not installed: $*
Run that command as root, then try again"
    fi
}

# Waits until a command succeeds: wait_for SECONDS WHAT COMMAND…
wait_for() {
    local limit_seconds=$1 what=$2 end
    shift 2
    end=$((SECONDS + limit_seconds))
    until "$@"; do
        [ "$SECONDS" -lt "$end" ] || die "timed out after $limit_seconds s: $what"
        sleep 0.1
    done
}

# Succeeds if something listens on a TCP port of this machine.
port_taken() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# Prints a free TCP port below the ephemeral range, in which a port could be taken between choosing
# it and listening on it.
free_port() {
    local port tries
    for ((tries = 0; tries < 100; tries++)); do
        port=$((20000 + RANDOM % 12000))
        if ! port_taken "$port"; then
            printf '%s\n' "$port"
            return 0
        fi
    done
    die "no free TCP port between 20000 and 32000"
}

# Prints one value of the JSON document on stdin: json_field image.url
json_field() { jq --exit-status --raw-output ".$1"; }
