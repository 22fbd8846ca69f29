/// What scripts of the original AIBuild's jobs expect at fixed places of their host: Packer, and
/// the folder of the web server, into which they move the image.
public struct JenkinsPlaces: Sendable, Hashable {
    public static let packer = "/opt/packer"
    public static let webFolder = "/var/www/html/images"

    /// The script that stands for Packer; `nil` if the host has a Packer there, and it is used.
    public var wrapper: String?
    /// The other entries of the host's `/opt`.
    public var others: [Sandbox.SystemFolder]

    public init(wrapper: String?, others: [Sandbox.SystemFolder]) {
        self.wrapper = wrapper
        self.others = others
    }

    /// Arguments of bubblewrap, after those of the system's folders.
    func arguments(_ folder: AttemptFolder) -> [String] {
        var arguments = ["--bind", folder.output, Self.webFolder]
        guard let wrapper else { return arguments }
        // The host's own is read-only, and has no such file.
        arguments += ["--tmpfs", "/opt"]
        for entry in others {
            if let target = entry.linkTarget {
                arguments += ["--symlink", target, entry.path]
            } else {
                arguments += ["--ro-bind", entry.path, entry.path]
            }
        }
        return arguments + ["--ro-bind", wrapper, Self.packer, "--remount-ro", "/opt"]
    }

    /// Runs Packer, and fixes the template of `packer build` first if this version rejects it, as
    /// builds by Packer do.
    ///
    /// - Parameter packer: path or name of the real one.
    public static func script(packer: String) -> String {
        let quoted = "'" + packer.replacing("'", with: "'\\''") + "'"
        return """
            #!/bin/sh
            packer=\(quoted)
            template=
            for template; do :; done
            case "$1 $template" in
            "build "*.json) ;;
            *) exec "$packer" "$@" ;;
            esac
            shift
            if [ "$AIBUILD_ACCELERATOR" = tcg ] &&
                grep -q '"accelerator" *: *"kvm"' "$template"; then
                echo "$template asks for kvm, which does not work on this host (it has tcg): use" \
                    "'builder: packer' with 'accelerator: override' in aibuild.yml" >&2
                exit 1
            fi
            if "$packer" validate "$@" >/dev/null 2>&1; then
                exec "$packer" build "$@"
            fi
            folder=$(dirname -- "$template")
            fixed=$folder/.aibuild-fixed-$(basename -- "$template")
            if "$packer" fix -validate=false "$template" >"$fixed" 2>/dev/null; then
                diff -u --label "$template" --label fixed "$template" "$fixed"
            else
                fixed=$template
            fi
            count=$#
            for argument; do
                count=$((count - 1))
                if [ "$count" = 0 ]; then argument=$fixed; fi
                set -- "$@" "$argument"
                shift
            done
            exec "$packer" build "$@"

            """
    }
}
