import ArgumentKit
import TextKit

/// The options of `aibuild env add` and `env change`, and which kinds of environments have them.
enum EnvironmentOptions {
    /// In the order of the help.
    static func options(isNew: Bool) -> [CommandOption] {
        [
            CommandOption(
                "kind", value: "KIND", "\(kinds.orList)", isRequired: isNew)
        ] + all.map(\.option)
    }

    static let kinds = ["openstack", "docker", "registry"]

    /// An option whose value is one of a few words.
    static let words = [
        "approval": ["required", "none"],
        "format": ["qcow2", "raw"],
        "interface": ["public", "internal", "admin"],
        "visibility": ["private", "shared", "community", "public"],
    ]

    private struct Entry {
        var option: CommandOption
        /// Empty: every environment has it, and it can be changed without the kind.
        var kinds: Set<String>
    }

    private static let all: [Entry] = policy + login + openstack + registry + docker

    private static func entry(_ kinds: Set<String>, _ option: CommandOption) -> Entry {
        Entry(option: option, kinds: kinds)
    }

    private static let policy = [
        CommandOption(
            "guestos", value: "PATTERN",
            "guest OSes whose images it takes, may contain * (default: all)", repeats: true),
        CommandOption(
            "image", value: "PATTERN",
            "image names that a template may choose, may contain * and {guestos}; the literal none "
                + "for the guest OS's own name only (default)", repeats: true),
        CommandOption(
            "approval", value: "WORD",
            "required: a person must agree to each automatic release; or none (default)"),
        CommandOption(
            "password-file", value: "FILE",
            "file with the password, secret or token; - reads it from stdin"),
        CommandOption(
            "secret", value: "NAME",
            "or a secret of the coordinator that is for this environment (aibuild secret add)"),
        CommandOption("unchecked", "do not check whether images can be released there"),
    ].map { entry([], $0) }

    private static let login = [
        entry(
            ["openstack", "docker", "registry"],
            CommandOption("username", value: "NAME", "user to log in as")),
        entry(
            ["openstack", "registry"],
            CommandOption("ca-file", value: "FILE", "CA bundle to trust, on the coordinator")),
        entry(
            ["openstack", "registry"],
            CommandOption("format", value: "FORMAT", "qcow2 or raw (default: as built)")),
    ]

    private static let openstack = [
        CommandOption(
            "clouds-yaml", value: "FILE",
            "openstack: take login and region, and the password, from this file and the "
                + "secure.yaml beside it"),
        CommandOption(
            "cloud", value: "NAME", "openstack: which cloud of the file (default: the only one)"),
        CommandOption("auth-url", value: "URL", "openstack: URL of Keystone"),
        CommandOption(
            "application-credential", value: "ID",
            "openstack: log in with an application credential; its secret is the password"),
        CommandOption("token", "openstack: the password is a token, which lasts for hours only"),
        CommandOption("project", value: "NAME", "openstack: project that owns the images"),
        CommandOption("project-id", value: "ID", "openstack: that project by its ID"),
        CommandOption(
            "user-domain", value: "NAME", "openstack: domain of the user (default: Default)"),
        CommandOption("user-domain-id", value: "ID", "openstack: that domain by its ID"),
        CommandOption(
            "project-domain", value: "NAME", "openstack: domain of the project (default: Default)"),
        CommandOption("project-domain-id", value: "ID", "openstack: that domain by its ID"),
        CommandOption(
            "region", value: "NAME", "openstack: region (default: the only one in the catalog)"),
        CommandOption(
            "interface", value: "NAME", "openstack: endpoint: public, internal or admin"),
        CommandOption(
            "image-url", value: "URL", "openstack: URL of Glance (default: that of the catalog)"),
        CommandOption(
            "visibility", value: "WORD",
            "openstack: visibility of images: private, shared, community or public"),
        CommandOption(
            "member", value: "PROJECT", "openstack: ID of a project to share with", repeats: true),
        CommandOption(
            "keep", value: "N", "openstack: number of replaced images to keep (default: 2)"),
        CommandOption(
            "hook", value: "NAME",
            "openstack: program in hooks_folder that must approve each release"),
    ].map { entry(["openstack"], $0) }

    private static let registry = [
        entry(
            ["registry"],
            CommandOption(
                "registry-url", value: "URL", "registry: URL, such as https://registry.example.com")
        ),
        entry(
            ["registry", "docker"],
            CommandOption(
                "repository", value: "NAME",
                "registry, docker: repository, may contain {guestos}")),
        entry(
            ["registry"],
            CommandOption(
                "tag", value: "TAG", "registry: tag of the newest image (default: latest)")),
    ]

    private static let docker = [
        CommandOption(
            "docker-host", value: "NAME=URL", "docker: a host to release to", repeats: true),
        CommandOption(
            "certificates", value: "FOLDER",
            "docker: on the coordinator, with NAME/{ca,cert,key}.pem for each host"),
        CommandOption(
            "containers", value: "FILE", "docker: JSON with each host's container, by host name"),
        CommandOption("registry", value: "ENV", "docker: push to this registry environment first"),
        CommandOption(
            "health-seconds", value: "N",
            "docker: time for a health check to pass (default: 180)"),
        CommandOption(
            "settle-seconds", value: "N",
            "docker: time to run for a container without a health check (default: 10)"),
    ].map { entry(["docker"], $0) }

    // MARK: Checks

    /// Refuses options that the kind does not have, and words that an option does not know.
    /// - Parameter kind: `nil` if none is given, so that the settings stay as they are.
    static func check(_ arguments: Arguments, kind: String?) throws(CommandError) {
        if let kind, !kinds.contains(kind) {
            throw CommandError(.usage, "Unknown kind: \(kind). Use \(kinds.orList)")
        }
        for entry in all where !entry.kinds.isEmpty && arguments.has(entry.option.long) {
            guard let kind else {
                // None of them has a meaning without the kind.
                throw CommandError(
                    .usage, "Option --\(entry.option.long) needs --kind and all settings")
            }
            guard entry.kinds.contains(kind) else {
                throw CommandError(
                    .usage,
                    "Option --\(entry.option.long) is for kind \(entry.kinds.sorted().orList), not "
                        + kind)
            }
        }
        for (option, known) in words.sorted(by: { $0.key < $1.key }) {
            try arguments.check(option, isOneOf: known)
        }
    }
}

extension [String] {
    /// `a, b or c`
    var orList: String {
        guard let last, count > 1 else { return first ?? "" }
        return dropLast().joined(separator: ", ") + " or " + last
    }
}
