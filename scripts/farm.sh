# A whole farm on this machine, in one folder: hosts (each a private sshd on loopback, with an agent
# behind it) and a coordinator. Source it after lib.sh, with `farm` set to the folder.
#
#   farm/log/NAME.log      output of each process
#   farm/pid/NAME          "PID START-TIME": a process is signalled only if both still match
#   farm/key/              the coordinator's SSH key, created for this farm
#   farm/HOST/             sshd_config, host key, agent.yml, state/
#   farm/coordinator/      coordinator.yml, database, logs, template archives
#   farm/web/              the web root

bin=$root/.build/bin

# Prints when a process started, in clock ticks since boot; nothing if there is no such process, or
# only a zombie.
start_time() {
    local fields
    fields=$(sed 's/^.*) //' "/proc/$1/stat" 2>/dev/null) || return 0
    [ "${fields%% *}" != Z ] || return 0
    set -- $fields
    printf '%s' "${20}"
}

# Starts a program in its own session, so that Ctrl-C reaches only this script, which then stops the
# others in order: farm_spawn NAME PROGRAM ARGUMENT…
farm_spawn() {
    local name=$1
    shift
    mkdir -p "$farm/log" "$farm/pid"
    setsid "$@" </dev/null >>"$farm/log/$name.log" 2>&1 &
    echo "$! $(start_time $!)" >"$farm/pid/$name"
    disown
}

farm_alive() { # NAME
    local pid started
    [ -r "$farm/pid/$1" ] || return 1
    read -r pid started <"$farm/pid/$1"
    [ -n "$started" ] && [ "$(start_time "$pid")" = "$started" ]
}

farm_gone() { ! farm_alive "$1"; }

# Waits for a condition. If the process dies, prints the end of its log and fails at once:
# farm_wait SECONDS NAME COMMAND…
farm_wait() {
    local limit_seconds=$1 name=$2 end
    shift 2
    end=$((SECONDS + limit_seconds))
    until "$@"; do
        if farm_gone "$name" || [ "$SECONDS" -ge "$end" ]; then
            tail -n 15 "$farm/log/$name.log" >&2
            die "$name did not become ready; see the end of its log ($farm/log/$name.log) above"
        fi
        sleep 0.05
    done
}

# TERM, then KILL after 10 s.
farm_end() { # NAME
    local pid started end=$((SECONDS + 10))
    if farm_alive "$1"; then
        read -r pid started <"$farm/pid/$1"
        kill -TERM "$pid" 2>/dev/null || true
        while farm_alive "$1"; do
            if [ "$SECONDS" -ge "$end" ]; then
                warn "$1 (process $pid) did not stop within 10 s: killing it"
                kill -KILL "$pid" 2>/dev/null || true
                break
            fi
            sleep 0.05
        done
    fi
    rm -f "$farm/pid/$1"
}

# Starts an SSH server on loopback that runs the agent's gate for the coordinator's key, and the
# agent: farm_host NAME PORT [SLOTS]
farm_host() {
    local name=$1 port=$2 slots=${3:-1} dir=$farm/$1
    mkdir -p "$dir/state" "$farm/key"
    [ -f "$farm/key/coordinator" ] ||
        ssh-keygen -q -t ed25519 -N '' -C aibuild-coordinator -f "$farm/key/coordinator"
    ssh-keygen -q -t ed25519 -N '' -C "$name" -f "$dir/host_key"
    cat >"$dir/agent.yml" <<-END
	state_folder: $dir/state
	slots: $slots
	# What the benchmark's builds copy.
	read_only: [$farm/shared]
	END
    printf 'restrict,command="%s gate --config %s" %s\n' "$bin/aibuild-agent" "$dir/agent.yml" \
        "$(cat "$farm/key/coordinator.pub")" >"$dir/authorized_keys"
    chmod 600 "$dir/authorized_keys"
    cat >"$dir/sshd_config" <<-END
	Port $port
	ListenAddress 127.0.0.1
	HostKey $dir/host_key
	PidFile none
	AuthorizedKeysFile $dir/authorized_keys
	# The folders above this one may be group-writable, as checkouts often are.
	StrictModes no
	PubkeyAuthentication yes
	PasswordAuthentication no
	KbdInteractiveAuthentication no
	PermitRootLogin prohibit-password
	UsePAM no
	UseDNS no
	PrintMotd no
	# Keeps bash from reading .bashrc under sshd: it is not part of this farm.
	SetEnv SHLVL=1
	# For scp in the benchmark, which has its own key; the coordinator's can run only the gate.
	Subsystem sftp internal-sftp
	END
    # As root, sshd requires this folder, which exists only while Debian's own service runs.
    if [ "$(id -u)" -eq 0 ] && [ ! -d /run/sshd ]; then
        mkdir -m 755 /run/sshd
        touch "$farm/made-run-sshd"
    fi
    farm_spawn "$name-agent" "$bin/aibuild-agent" daemon --config "$dir/agent.yml"
    farm_spawn "$name-sshd" /usr/sbin/sshd -D -e -f "$dir/sshd_config"
    farm_wait 10 "$name-sshd" port_taken "$port"
}

farm_fingerprint() { # NAME → SHA256:…
    ssh-keygen -l -f "$farm/$1/host_key.pub" | cut -d ' ' -f 2
}

farm_ready() { curl -fs -o /dev/null "http://127.0.0.1:$1/readyz"; }

# Further lines of coordinator.yml are in farm_settings.
farm_settings=
farm_coordinator() { # PORT
    local dir=$farm/coordinator
    mkdir -p "$dir" "$farm/web"
    cat >"$dir/coordinator.yml" <<-END
	state_folder: $dir
	web_root: $farm/web
	api:
	  listen: 127.0.0.1
	  port: $1
	${farm_api:-}
	ssh:
	  key_file: $farm/key/coordinator
	$farm_settings
	END
    farm_spawn coordinator "$bin/aibuild-coordinator" --config "$dir/coordinator.yml"
    farm_wait 20 coordinator farm_ready "$1"
}

# Stops everything that was started here, the coordinator first so that nothing new begins.
farm_stop() {
    local file name
    [ -d "$farm/pid" ] || return 0
    farm_end coordinator
    for file in "$farm"/pid/*; do
        [ -e "$file" ] || continue
        name=${file##*/}
        farm_end "$name"
    done
    farm_sweep
    if [ -e "$farm/made-run-sshd" ]; then
        rmdir /run/sshd 2>/dev/null || true
        rm -f "$farm/made-run-sshd"
    fi
}

# Builds outlive agent and coordinator by design. This ends interrupted ones: their supervisor,
# Packer and QEMU all have a path below the farm's folder in their arguments.
farm_sweep() {
    local process pid program pids round
    for round in 1 2 3; do
        pids=
        for process in /proc/[0-9]*; do
            pid=${process##*/}
            program=$(readlink "$process/exe" 2>/dev/null) || continue
            case ${program##*/} in
            aibuild-agent* | packer | qemu-system-* | sshd) ;;
            *) continue ;;
            esac
            if tr '\0' '\n' <"$process/cmdline" 2>/dev/null | grep -F "$farm/" >/dev/null; then
                pids="$pids $pid"
            fi
        done
        [ -n "$pids" ] || return 0
        kill -KILL $pids 2>/dev/null || true
        sleep 0.2
    done
}

# Processes that only read from the farm, to end before it.
followers=()

# Stops the farm when this script ends, unless it succeeds and KEEP is set.
farm_stop_at_exit() {
    trap farm_exit EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
}

farm_exit() {
    local status=$?
    trap - EXIT
    # A second Ctrl-C must not interrupt the clean-up.
    trap '' INT TERM
    for follower in "${followers[@]}"; do kill "$follower" 2>/dev/null || true; done
    if [ "$status" -eq 0 ] && [ -n "${KEEP:-}" ]; then exit 0; fi
    farm_stop
    [ "$status" -eq 0 ] || warn "the demo failed. Its logs are in ${farm#"$root/"}/log"
    exit "$status"
}
