import ArgumentKit
import Support

/// `aibuild host …` and `aibuild hosts`
enum HostCommands {
    static let all = [
        list("hosts"), add, change, list("host list"), show, DrainCommand.command, resume, remove,
    ]

    private struct Registration: Encodable { var name, address, hostKey: String }
    private struct Change: Encodable { var address, hostKey: String? }

    private static let keyOptions = [
        CommandOption(
            "fingerprint", value: "SHA256:…",
            "expected fingerprint of the host key, instead of a prompt"),
        CommandOption(
            "host-key", value: "FILE",
            "the key itself: a .pub file, or lines of known_hosts or ssh-keyscan; - for stdin"),
    ]

    private static let add = Command(
        name: "host add", summary: "Add a KVM host to the farm", operands: ["NAME"],
        options: [
            CommandOption(
                "address", value: "USER@HOST[:PORT]", "user and address of its SSH server",
                isRequired: true),
            CommandOption("no-wait", "end without waiting for the host to be ready"),
        ] + keyOptions,
        details: [
            "Ends when the host is ready, or with 4 and the reason if it cannot be used.",
            "The coordinator fetches the host key and from then on accepts no other one. Compare",
            "the fingerprint that is shown with the one that the host itself reports:",
            "  ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub",
            "In a script, pass it with --fingerprint, or pass the key with --host-key. Of several",
            "lines, those for this address count; hashed names and markers are understood.",
        ],
        examples: [
            "aibuild host add kvm1 --address _aibuild-agent@kvm1.example.com",
            "aibuild host add kvm2 --address aibuild@10.0.0.2:2222 --fingerprint SHA256:a1B2…",
            "aibuild host add kvm3 --address aibuild@kvm3 --host-key ~/.ssh/known_hosts",
        ],
        run: { context in
            let address = context.arguments["address"] ?? ""
            let key = try await HostKeyChoice(context: context, address: address).key()
            let body = try await context.api.send(
                "POST", "/api/v1/hosts",
                Registration(
                    name: context.arguments.operands[0], address: address, hostKey: key))
            if context.wantsJSON || context.arguments.has("no-wait") {
                return context.show(
                    body, "Added host \(context.name). Check its status: aibuild host list")
            }
            return try await arrival(context)
        })

    /// How long to wait for the first connection: a refused login takes seconds, a host that does
    /// not answer the time of SSH's limit.
    private static let arrivalMilliseconds: Int64 = 30_000

    /// Waits until a new host is ready, or cannot be used.
    private static func arrival(_ context: CommandContext) async throws -> ExitCode {
        let deadline = Clocks.monotonicMilliseconds() + arrivalMilliseconds
        while true {
            let host = try APIClient.decode(
                HostAnswer.self, try await context.api.get(path(context)))
            switch host.state {
            case "ready" where host.slots == 0:
                throw CommandError(
                    .refused,
                    "Host \(context.name) was added, and takes no builds: "
                        + SafeText.line(host.notices?.first ?? "its agent offers no slots")
                        + "\nFix this and restart its agent, then check it: aibuild host show "
                        + "\(context.name)")
            case "ready":
                let slots = host.slots.map { ", \($0) slot\($0 == 1 ? "" : "s")" } ?? ""
                let kinds = (host.accelerators ?? []).joined(separator: " and ")
                context.say(
                    "Added host \(context.name). It is ready\(slots)"
                        + (kinds.isEmpty ? "" : ", with \(SafeText.line(kinds))"))
                for notice in host.notices ?? [] {
                    context.console.err("Notice: \(SafeText.line(notice))\n")
                }
                return .ok
            case "connecting" where Clocks.monotonicMilliseconds() < deadline:
                try await Task.sleep(for: .milliseconds(200))
            case "connecting":
                context.say(
                    "Added host \(context.name). It is still being connected to. Check its "
                        + "status: aibuild host show \(context.name)")
                return .ok
            default:
                throw CommandError(
                    .refused,
                    "Host \(context.name) was added, and cannot be used yet: "
                        + SafeText.line(host.detail ?? host.state)
                        + "\nIt is tried again by itself. Check it: aibuild host show "
                        + "\(context.name). Take it out: aibuild host remove \(context.name)")
            }
        }
    }

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

    private static func list(_ name: String) -> Command {
        Command(
            name: name, summary: "List hosts and their status", examples: ["aibuild \(name)"],
            run: { context in
                let body = try await context.api.get("/api/v1/hosts")
                return try context.show(body, as: Page<HostAnswer>.self) { page in
                    var table = Table(
                        "NAME", "STATE", "SLOTS", "VCPUS", "FREE DISK", "ACCEL", "NOTE")
                    for host in page.items {
                        let state = host.shownState
                        table.add(
                            .init(host.name, .bold), .init(state, Style.colour(ofState: state)),
                            .init("\(host.running ?? 0)/\(host.slots.map(String.init) ?? "?")"),
                            .init(host.vcpus.map(String.init) ?? "?"),
                            .init(Format.bytes(host.diskFreeBytes)),
                            .init((host.accelerators ?? []).joined(separator: " ")),
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
                        ("reason", host.detail), ("host key", host.fingerprint),
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
                    ] + (host.notices ?? []).map { ("notice", $0) })
            }
        })

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

    private static let remove = Command(
        name: "host remove", summary: "Remove a host that runs no builds", operands: ["NAME"],
        details: ["To remove a host that runs builds, drain it and wait, or cancel its builds."],
        examples: ["aibuild host remove kvm1"],
        run: { context in
            _ = try await context.api.send("DELETE", path(context))
            context.say("Removed host \(context.name)")
            return .ok
        })

    private static func path(_ context: CommandContext) -> String {
        "/api/v1/hosts/" + APIClient.segment(context.arguments.operands[0])
    }
}

extension HostAnswer {
    /// `drained` replaces `ready`, but hides no fault.
    var shownState: String { drained == true && state == "ready" ? "drained" : state }

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
