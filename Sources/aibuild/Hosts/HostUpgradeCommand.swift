import ArgumentKit
import Support

/// `aibuild host upgrade`: installs the coordinator's package of the agent on hosts, one by one.
enum HostUpgradeCommand {
    private struct Drain: Encodable { var note: String }

    static let command = Command(
        name: "host upgrade", summary: "Install the coordinator's agent on hosts, one at a time",
        operands: ["NAME..."],
        options: [
            CommandOption(
                "as", value: "USER", "as whom you log in there by ssh, root or with sudo",
                isRequired: true),
            CommandOption("all", "all hosts, by name"),
            CommandOption("drain", "wait until a host runs nothing, and resume it afterwards"),
        ] + HostAddCommand.sshOptions,
        details: [
            "Does on each host what host add does; what is so already is left alone. Builds",
            "there continue meanwhile. Ends at the first host that fails; with --drain, it stays",
            "drained.",
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
        var address = try RemoteAddress(host.address)
        address.user = context.arguments["as"] ?? ""
        // With the user: it is an argument of ssh.
        address = try RemoteAddress(address.description)
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
        let body = try await context.api.send("POST", path + "/drain", Drain(note: "upgrade"))
        var host = try APIClient.decode(HostAnswer.self, body)
        if let running = host.running, running > 0 {
            context.say("     Waiting for the \(running) builds that it runs")
        }
        while (host.running ?? 0) > 0 {
            try await Task.sleep(for: .seconds(1))
            host = try APIClient.decode(HostAnswer.self, try await context.api.get(path))
        }
    }
}
