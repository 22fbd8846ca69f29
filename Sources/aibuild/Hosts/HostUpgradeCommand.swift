import ArgumentKit
import Support

/// `aibuild host upgrade`: installs the coordinator's package of the agent on hosts, one by one.
enum HostUpgradeCommand {
    private struct Drain: Encodable {
        var note: String
        var deadlineSeconds: Int?
    }

    /// How long the builds of a host are waited for without a deadline.
    private static let drainSeconds = 24 * 3600
    /// What stopping builds takes at most after a deadline.
    private static let stopSeconds = 600

    static let command = Command(
        name: "host upgrade", summary: "Install the coordinator's agent on hosts, one at a time",
        operands: ["NAME..."],
        options: [
            CommandOption(
                "as", value: "USER", "as whom you log in there by ssh, root or with sudo",
                isRequired: true),
            CommandOption("all", "all hosts, by name"),
            CommandOption("drain", "wait until a host runs nothing, and resume it afterwards"),
            CommandOption(
                "deadline", value: "DURATION",
                "with --drain: then stop what still runs there, and queue it again (2h, 30m)"),
        ] + HostAddCommand.sshOptions,
        details: [
            "Does on each host what host add does; what is so already is left alone. Builds",
            "there continue meanwhile. Ends at the first host that fails; with --drain, it stays",
            "drained. Without a deadline, its builds are waited for up to 24 hours.",
        ],
        examples: [
            "aibuild host upgrade kvm1 kvm2 --as root",
            "aibuild host upgrade --all --as anna --drain",
        ],
        run: { context in
            let names = context.arguments.operands
            guard names.isEmpty == context.arguments.has("all") else {
                throw CommandError(.usage, "Give the names of hosts, or --all")
            }
            guard context.arguments.has("drain") || !context.arguments.has("deadline") else {
                throw CommandError(.usage, "Option --deadline needs --drain")
            }
            let body = try await context.api.get("/api/v1/hosts")
            let hosts = try APIClient.decode(Page<HostAnswer>.self, body).items
            if let unknown = names.first(where: { name in !hosts.contains { $0.name == name } }) {
                throw CommandError(.notFound, "There is no host \(SafeText.line(unknown))")
            }
            for host in hosts where names.isEmpty || names.contains(host.name) {
                try await upgrade(host, context)
            }
            return .ok
        })

    private static func upgrade(_ host: HostAnswer, _ context: CommandContext) async throws {
        let address = try RemoteAddress(host.address).login(as: context.arguments["as"] ?? "")
        context.say("\(context.style.paint(SafeText.line(host.name), .bold))")
        let drains = context.arguments.has("drain") && host.drained != true
        if drains { try await drain(host.name, context) }
        _ = try await HostInstallation(context: context, name: host.name, address: address).add()
        if drains {
            _ = try await context.api.send("POST", HostCommands.path(host.name) + "/resume")
            context.say("done Resumed host \(SafeText.line(host.name))")
        }
    }

    private static func drain(_ name: String, _ context: CommandContext) async throws {
        let path = HostCommands.path(name)
        let deadline = try context.arguments.durationSeconds("deadline")
        let body = try await context.api.send(
            "POST", path + "/drain", Drain(note: "upgrade", deadlineSeconds: deadline))
        var host = try APIClient.decode(HostAnswer.self, body)
        if let running = host.running, running > 0 {
            context.say("     Waiting for the \(running) builds that it runs")
        }
        let seconds = deadline.map { $0 + stopSeconds } ?? drainSeconds
        let end = Clocks.monotonicMilliseconds() + Int64(seconds) * 1000
        while let running = host.running, running > 0 {
            guard Clocks.monotonicMilliseconds() < end else {
                throw CommandError(
                    .refused,
                    "Host \(SafeText.line(name)) still runs \(running) builds after "
                        + "\(seconds / 60) minutes. It was not upgraded, and stays drained. "
                        + "Stop its builds with a deadline, or resume it: aibuild host resume "
                        + SafeText.line(name))
            }
            try await Task.sleep(for: .seconds(1))
            host = try APIClient.decode(HostAnswer.self, try await context.api.get(path))
        }
    }
}
