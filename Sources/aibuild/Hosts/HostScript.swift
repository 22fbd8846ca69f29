/// The script that makes a machine a host, as root there.
///
/// Each of its lines begins with what it is: `ok`, `done`, `warn`, `fail` and `fix` are for people,
/// `fact` is for this program.
struct HostScript {
    enum Action: String {
        /// Looks, and changes nothing.
        case check
        /// Shows the machine's host keys.
        case identify
        /// Looks at a host for `aibuild doctor`, and goes on after what is wrong.
        case inspect
        case setup
        /// Takes back what a setup did.
        case undo
        /// Removes the key, and the agent unless another coordinator uses it.
        case remove
    }

    var name: String
    var setup: HostSetupAnswer
    /// Where the package is on the machine; empty if it needs none.
    var folder = ""
    /// What `undo` takes back: words of a `fact: did`.
    var did: [String] = []

    /// Of the disk that builds write to, for the packages alone.
    static let leastMiB = 1024
    /// Below this, hardly any build can start: what one reserves by default.
    static let fewMiB = 4096

    func text(_ action: Action) -> String {
        let cases = setup.packages.map { package in
            """
                \(package.architecture))
                    package=\(Self.quoted(package.name))
                    version=\(Self.quoted(package.version))
                    sha256=\(Self.quoted(package.sha256))
                    ;;
            """
        }
        return """
            #!/bin/sh
            # Makes this machine a host of aibuild, as root. It may be repeated: what is
            # so already is left alone. If a step fails, what was done is taken back.
            set -eu
            action=\(action.rawValue)
            name=\(Self.quoted(name))
            folder=\(Self.quoted(folder))
            did=\(Self.quoted(did.joined(separator: " ")))
            line=\(Self.quoted(setup.authorizedKey ?? ""))
            least=\(Self.leastMiB) few=\(Self.fewMiB) # MiB

            # The agent's package for this machine; empty if the coordinator has none.
            choose_package() {
                case $1 in
            \(cases.joined(separator: "\n"))
                *) package='' version='' sha256='' ;;
                esac
            }

            """ + Self.checks + Self.inspection + Self.steps + Self.wayBack + Self.end
    }

    /// A word of a shell.
    static func quoted(_ text: String) -> String {
        "'" + text.replacing("'", with: "'\\''") + "'"
    }

    private static let checks = #"""
        user=_aibuild-agent
        settings=/etc/aibuild/agent.yml
        PATH=$PATH:/usr/sbin:/sbin
        export PATH LC_ALL=C DEBIAN_FRONTEND=noninteractive

        say() { printf '%s: %s\n' "$1" "$2"; }
        fail() {
            say fail "$1"
            say fix "$2"
            exit 1
        }
        # Runs a program whose output matters only if it fails.
        quietly() { "$@" >"$work/log" 2>&1; }
        last_words() { grep -v '^$' "$work/log" | tail -n 3 | tr '\n' ' ' | cut -c 1-400; }
        has() { command -v "$1" >/dev/null 2>&1; }

        check_system() {
            [ "$(id -u)" -eq 0 ] || fail "This does not run as root" "Run it as root, or by sudo"
            has dpkg && has apt-get || fail "This is no Debian: dpkg or apt-get is missing" \
                "Use a machine with Debian 12 or newer"
            case $(systemctl is-system-running 2>/dev/null || true) in
            '' | offline) fail "systemd does not run here" "Use a machine with systemd" ;;
            esac
            architecture=$(dpkg --print-architecture)
            system=$(. /etc/os-release && printf '%s' "$PRETTY_NAME")
            say ok "$system on $architecture, with systemd"
        }
        find_agent() {
            installed=$(dpkg-query -W -f '${db:Status-Status} ${Version}' aibuild-agent \
                2>/dev/null | sed -n 's/^installed //p')
        }
        check_agent() {
            say fact "architecture $architecture"
            choose_package "$architecture"
            [ -n "$package" ] || fail "The coordinator has no agent package for $architecture" \
                "Put one into its folder of packages (agent_packages in coordinator.yml)"
            find_agent
            say fact "installed ${installed:-none}"
            [ -z "$installed" ] || dpkg --compare-versions "$installed" le "$version" ||
                fail "The agent here, $installed, is newer than the coordinator's, $version" \
                    "Upgrade the coordinator first"
        }
        check_disk() {
            place=$(sed -n 's/^state_folder: *//p' "$settings" 2>/dev/null | tail -n 1)
            place=${place:-/var/lib/aibuild-agent}
            while [ ! -d "$place" ]; do place=$(dirname "$place"); done
            free=$(df -Pm "$place" | awk 'NR == 2 { print $4 }')
            if [ "$free" -lt "$least" ] && [ "$installed" != "$version" ]; then
                fail "$place has $free MiB free; the agent with Packer and QEMU needs $least MiB" \
                    "Free space there, or mount a larger disk at /var/lib/aibuild-agent"
            elif [ "$free" -lt "$few" ]; then
                say warn "$place has $free MiB free; a build reserves $few MiB unless it says less"
            else
                say ok "$place, which builds write to, has $((free / 1024)) GiB free"
            fi
        }
        check_kvm() {
            if [ -c /dev/kvm ]; then
                say ok "/dev/kvm is there; the agent finds out whether guests boot under it"
            else
                say warn "There is no /dev/kvm: builds run with tcg, which is many times slower"
                say fix "Enable virtualization in the firmware, or nested virtualization"
            fi
        }
        # Whether the coordinator's version is installed.
        check_version() {
            [ -n "$version" ] && [ "$installed" = "$version" ] || return 1
            say ok "aibuild-agent $version is installed"
        }
        find_keys() {
            home=$(getent passwd "$user" | cut -d : -f 6)
            keys=$home/.ssh/authorized_keys
            blob=${line##* }
        }
        # Whether the coordinator's key is let in. More than the gate is not for it.
        check_access() {
            find_keys
            [ -n "$home" ] || fail "There is no user $user" "Install aibuild-agent again"
            if grep -qxF -- "$line" "$keys" 2>/dev/null; then
                say ok "The coordinator's key is let in, to the agent's gate only"
            elif grep -F -- "$blob" "$keys" 2>/dev/null | grep -q 'aibuild-agent gate'; then
                say ok "The coordinator's key is let in, by a line of your own"
            elif grep -qF -- "$blob" "$keys" 2>/dev/null; then
                fail "$keys has the coordinator's key, but not restricted to the agent's gate" \
                    "Remove that line, then run this again"
            else
                return 1
            fi
        }
        check_service() {
            systemctl is-active --quiet aibuild-agent || return 1
            say ok "The service aibuild-agent runs"
        }
        # $1: what it does not do.
        service_fails() {
            quietly journalctl -u aibuild-agent -n 3 -o cat || true
            fail "The service aibuild-agent $1: $(last_words)" \
                "$2. See: journalctl -u aibuild-agent"
        }
        as_agent() { runuser -u "$user" -- sh -c "$@"; }
        check_keys() {
            files=$(sshd -T 2>/dev/null | sed -n 's/^hostkey //p')
            for file in ${files:-/etc/ssh/ssh_host_*_key}; do
                [ ! -r "$file.pub" ] || say fact "key $(cut -d ' ' -f 1,2 "$file.pub")"
            done
            say fact "clock $(date +%s)"
        }

        """#

    private static let steps = #"""
        install_agent() {
            ! check_version || return 0
            chmod 755 "$work"
            cp "$folder/$package" "$work/" 2>/dev/null ||
                fail "$folder/$package is missing" "Put the coordinator's package there"
            chmod 644 "$work/$package"
            printf '%s  %s\n' "$sha256" "$work/$package" | quietly sha256sum -c ||
                fail "$package is not the coordinator's: its SHA-256 is another one" "Copy it again"
            # Settings and records of an agent that was removed are not this run's.
            if [ -n "$installed" ]; then
                did="$did upgrade" before=$installed
            elif [ -e /var/lib/aibuild-agent ] || [ -e "$settings" ]; then
                did="$did again"
            else
                did="$did package"
            fi
            apt_install || { quietly apt-get update && apt_install; } ||
                fail "apt-get cannot install aibuild-agent $version: $(last_words)" \
                    "Fix this (apt-get -f install), then run this again"
            say done "Installed aibuild-agent $version${installed:+ in place of $installed}"
        }
        apt_install() {
            quietly apt-get install -y -o DPkg::Lock::Timeout=300 \
                -o Dpkg::Options::=--force-confold "$work/$package"
        }
        let_in() {
            ! check_access || return 0
            did="$did key"
            printf '%s\n' "$line" | as_agent 'umask 077; mkdir -p "$1" && cd "$1" &&
                { [ ! -s authorized_keys ] || [ -z "$(tail -c 1 authorized_keys)" ] || echo
                cat; } >>authorized_keys' sh "$home/.ssh" ||
                fail "Cannot write $keys" "See the message above"
            say done "Let the coordinator's key in, to the agent's gate only"
        }
        start_agent() {
            ! check_service || return 0
            did="$did service"
            quietly systemctl enable --now aibuild-agent ||
                service_fails "does not start" "Fix this, then run this again"
            say done "Started the service aibuild-agent"
        }

        """#
}
