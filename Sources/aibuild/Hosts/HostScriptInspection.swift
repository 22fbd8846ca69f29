/// How the script looks at a host for `aibuild doctor`.
extension HostScript {
    static let inspection = #"""
        # One check; its failure does not end the others.
        look() {
            set +e
            (
                set -e
                "$@"
            )
            set -e
        }
        inspect() {
            find_agent
            choose_package "$architecture"
            look inspect_version
            look check_disk
            look check_kvm
            if [ -n "$installed" ]; then
                look inspect_settings
                look inspect_service
                look inspect_access
            fi
            check_keys
        }
        inspect_version() {
            ! check_version || return 0
            [ -n "$installed" ] || fail "aibuild-agent is not installed" \
                "Install it: aibuild host add $name --address USER@HOST"
            if [ -z "$version" ]; then
                say ok "aibuild-agent $installed is installed"
                say warn "The coordinator has no agent package for $architecture to upgrade it with"
                say fix "Put one into its folder of packages (agent_packages in coordinator.yml)"
            elif dpkg --compare-versions "$installed" lt "$version"; then
                say warn "aibuild-agent $installed is installed, and the coordinator has $version"
                say fix "Upgrade it: aibuild host upgrade $name --as USER"
            else
                say warn "The agent here, $installed, is newer than the coordinator's, $version"
                say fix "Upgrade the coordinator"
            fi
        }
        # The gate reads its settings before it looks at its command, and has none here.
        inspect_settings() {
            status=0
            quietly as_agent 'unset SSH_ORIGINAL_COMMAND; exec aibuild-agent gate --config "$1"' \
                sh "$settings" || status=$?
            # What it says of a command that it does not have.
            [ "$status" -eq 64 ] || fail "The agent cannot use its settings: $(last_words)" \
                "Fix this, then run: systemctl restart aibuild-agent"
            say ok "The agent can read $settings"
        }
        inspect_service() {
            check_service ||
                service_fails "does not run" "Start it: systemctl restart aibuild-agent"
            quietly systemctl is-enabled aibuild-agent || {
                say warn "The service aibuild-agent is not started when the machine boots"
                say fix "Enable it: systemctl enable aibuild-agent"
            }
        }
        inspect_access() {
            check_access || fail "The coordinator's key is not let in: $keys does not have it" \
                "Let it in: aibuild host add $name --address USER@HOST"
        }

        """#
}
