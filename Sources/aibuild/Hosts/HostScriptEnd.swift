/// How the script takes back what a setup did, and its main part.
extension HostScript {
    static let wayBack = #"""
        drop_key() {
            find_keys
            if grep -qxF -- "$line" "$keys" 2>/dev/null; then
                printf '%s\n' "$line" | as_agent 'cd "$1" && umask 077 && cat >.line &&
                    { grep -vxFf .line authorized_keys >.rest || true; } &&
                    cat .rest >authorized_keys && rm .line .rest' sh "$home/.ssh" || return 1
                say done "Removed the coordinator's key"
            fi
        }
        # What cannot be taken back.
        stays() {
            say warn "$1"
            say fact "stays $1"
        }
        undo() {
            case " $did " in
            *" key "*) drop_key || stays "The coordinator's key is left in $keys" ;;
            esac
            case " $did " in
            *" package "*) take_out purge || true ;;
            *" again "*) take_out remove || true ;;
            *" service "*)
                if quietly systemctl disable --now aibuild-agent; then
                    say done "Stopped aibuild-agent"
                else
                    stays "The service aibuild-agent runs: $(last_words)"
                fi
                ;;
            esac
            case " $did " in
            *" upgrade "*)
                find_agent
                [ "$installed" = "${before-}" ] ||
                    stays "aibuild-agent was upgraded to ${installed:-a half-installed version}"
                ;;
            esac
        }
        take_out() {
            quietly apt-get "$1" -y -o DPkg::Lock::Timeout=300 aibuild-agent || {
                stays "aibuild-agent is left: apt-get cannot $1 it: $(last_words)"
                return 1
            }
            say done "Removed aibuild-agent. What it depends on is left: apt-get autoremove"
        }
        remove_agent() {
            find_agent
            drop_key || fail "Cannot remove the coordinator's key from $keys" \
                "Remove the line with $blob there, then run this again"
            if grep -q 'aibuild-agent gate' "$keys" 2>/dev/null; then
                say ok "aibuild-agent is left: $keys lets another coordinator in"
            elif [ -n "$installed" ]; then
                take_out purge
            fi
        }

        """#

    static let end = #"""
        finish() {
            status=$?
            # Without a reader, as after a lost connection, all is taken back the same.
            trap '' HUP INT TERM PIPE
            trap - EXIT
            set +e
            if [ "$status" -ne 0 ] && [ "$action" = setup ]; then
                say fact "did $did"
                undo
            fi
            rm -rf "$work"
            exit "$status"
        }
        # All of it is read before anything is done.
        main() {
            work=$(mktemp -d)
            trap finish EXIT
            trap 'exit 130' HUP INT TERM PIPE
            check_system
            case $action in
            identify) check_keys ;;
            inspect) inspect ;;
            undo) undo ;;
            remove) remove_agent ;;
            *)
                check_agent
                check_disk
                check_kvm
                check_keys
                ;;
            esac
            if [ "$action" = setup ]; then
                install_agent
                let_in
                start_agent
                say fact "did $did"
            fi
        }
        main </dev/null

        """#
}
