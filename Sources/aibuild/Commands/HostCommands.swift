import ArgumentKit
import Support

/// `aibuild host …` and `aibuild hosts`
enum HostCommands {
    static let all = [
        list("hosts"), HostAddCommand.command, change, set, list("host list"), show,
        DrainCommand.command, resume, HostUpgradeCommand.command, HostRemoveCommand.command,
        HostPackageCommand.command,
    ]

    struct Change: Encodable {
        var address, hostKey: String?
        var variables: [String: String]?
    }

    static let variableOption = CommandOption(
        "var", value: "NAME=VALUE", "variable that builds there get, over their image's",
        repeats: true)
    private static let unsetOption = CommandOption(
        "unset-var", value: "NAME", "variable that builds there get no more", repeats: true)

    static let keyOptions = [
        CommandOption(
            "fingerprint", value: "SHA256:…",
            "expected fingerprint of the host key, instead of a prompt"),
        CommandOption(
            "host-key", value: "FILE",
            "the key itself: a .pub file, or lines of known_hosts or ssh-keyscan; - for stdin"),
    ]

    private static let change = Command(
        name: "host change", summary: "Change the address or the host key of a host",
        operands: ["NAME"],
        options: [
            CommandOption(
                "address", value: "USER@HOST[:PORT]", "its new address; if not given, it is kept")
        ] + keyOptions,
        details: [
            "For a host that moved, or whose key was rotated. Builds there run on, and the session",
            "with the host is opened anew. The key is confirmed as by host add.",
        ],
        examples: [
            "aibuild host change kvm1 --fingerprint SHA256:a1B2…",
            "aibuild host change kvm1 --address aibuild@10.0.0.7",
        ],
        run: { context in
            let known = try APIClient.decode(
                HostAnswer.self, try await context.api.get(path(context)))
            let address = context.arguments["address"] ?? known.address
            let key = try await HostKeyChoice(context: context, address: address).key()
            let body = try await context.api.send(
                "PUT", path(context), Change(address: address, hostKey: key))
            return context.show(
                body, "Changed host \(context.name). Check its status: aibuild host list")
        })

    private static let set = Command(
        name: "host set", summary: "Set the variables of the builds on a host",
        operands: ["NAME"], options: [variableOption, unsetOption],
        details: [
            "They go before those of aibuild.yml and of the guest OS, and behind those of triggers",
            "and of --var of a build. A build gets those that its template has. Everybody who may",
            "see the host sees them: put no secrets there. Builds that run keep what they have.",
        ],
        examples: [
            "aibuild host set kvm1 --var mirror=http://mirror.site-a.example.org",
            "aibuild host set kvm1 --unset-var mirror",
        ],
        run: { context in
            try context.requireOption(of: [variableOption, unsetOption])
            let known = try APIClient.decode(
                HostAnswer.self, try await context.api.get(path(context)))
            let body = try await context.api.send(
                "PUT", path(context),
                Change(variables: try context.arguments.variables(over: known.variables ?? [:])))
            return context.show(
                body,
                "Set the variables of host \(context.name). See them: aibuild host show "
                    + context.name)
        })

    private static func list(_ name: String) -> Command {
        Command(
            name: name, summary: "List hosts and their status", examples: ["aibuild \(name)"],
            run: { context in
                let body = try await context.api.get("/api/v1/hosts")
                return try context.show(body, as: Page<HostAnswer>.self) { page in
                    var table = Table(
                        "NAME", "STATE", "SLOTS", "VCPUS", "FREE DISK", "ACCEL", "VARIABLES",
                        "NOTE",
                        spare: ["VARIABLES"])
                    for host in page.items {
                        let state = host.shownState
                        table.add(
                            .init(host.name, .bold),
                            .init(
                                state,
                                Style.colour(
                                    ofState: host.state == "ready" ? state : host.state)),
                            .init("\(host.running ?? 0)/\(host.slots.map(String.init) ?? "?")"),
                            .init(host.vcpus.map(String.init) ?? "?"),
                            .init(Format.bytes(host.diskFreeBytes)),
                            .init((host.accelerators ?? []).joined(separator: " ")),
                            .init((host.variables ?? [:]).keys.sorted().joined(separator: " ")),
                            .init(host.note))
                    }
                    context.print(table, orElse: "No hosts. Add one: aibuild host add --help")
                }
            })
    }

    private static let show = Command(
        name: "host show", summary: "Show a host", operands: ["NAME"],
        examples: ["aibuild host show kvm1"],
        run: { context in
            let body = try await context.api.get(path(context))
            return try context.show(body, as: HostAnswer.self) { host in
                context.print(
                    [
                        ("name", host.name), ("address", host.address), ("state", host.shownState),
                        ("reason", host.detail), ("host key", host.hostKey),
                        ("agent", host.agentVersion),
                        ("running", "\(host.running ?? 0) of \(host.slots ?? 0) slots"),
                        ("vCPUs", host.vcpus.map(String.init)),
                        ("memory", Format.bytes(host.memoryBytes)),
                        (
                            "disk",
                            "\(Format.bytes(host.diskFreeBytes)) free of "
                                + Format.bytes(host.diskTotalBytes)
                        ),
                        ("accelerators", host.accelerators?.joined(separator: " ")),
                        ("tags", host.tags?.joined(separator: " ")),
                        ("Packer", host.packerVersion), ("Packer plugins", plugins(host)),
                        ("QEMU", host.qemuVersion),
                        ("clock", host.clockNote),
                    ] + lists(host))
            }
        })

    private static func lists(_ host: HostAnswer) -> [(String, String?)] {
        let variables = (host.variables ?? [:]).sorted { $0.key < $1.key }
        var rows: [(String, String?)] = variables.map { ("variable", "\($0.key)=\($0.value)") }
        for notice in host.notices ?? [] { rows.append(("notice", notice)) }
        return rows
    }

    private static func plugins(_ host: HostAnswer) -> String? {
        let plugins = (host.packerPlugins ?? [:]).sorted { $0.key < $1.key }
        return plugins.isEmpty
            ? nil
            : plugins.map { "\($0.key) \($0.value.joined(separator: " "))" }
                .joined(separator: ", ")
    }

    private static let resume = Command(
        name: "host resume", summary: "Send builds to a drained host again", operands: ["NAME"],
        examples: ["aibuild host resume kvm1"],
        run: { context in
            context.show(
                try await context.api.send("POST", path(context) + "/resume"),
                "Resumed host \(context.name)")
        })

    static func path(_ context: CommandContext) -> String { path(context.arguments.operands[0]) }

    static func path(_ name: String) -> String { "/api/v1/hosts/" + APIClient.segment(name) }
}

extension HostAnswer {
    /// `drained` replaces `ready`, but hides no fault.
    var shownState: String {
        guard drained == true else { return state }
        return state == "ready" ? "drained" : "\(state), drained"
    }

    /// Clocks further apart than this make logs of two machines hard to read together.
    private static let skewSeconds = 2.0

    var clockNote: String? {
        guard let skew = clockSkewSeconds, abs(skew) > Self.skewSeconds else { return nil }
        return "\(Format.duration(abs(skew))) \(skew > 0 ? "ahead" : "behind")"
    }

    var note: String {
        if let detail, !detail.isEmpty { return detail }
        return ((notices ?? []) + (clockNote.map { ["clock " + $0] } ?? [])).joined(separator: "; ")
    }
}
