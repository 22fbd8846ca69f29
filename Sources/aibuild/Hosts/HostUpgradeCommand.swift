import ArgumentKit
import Support

/// `aibuild host upgrade`: installs the coordinator's package of the agent on hosts, one by one.
enum HostUpgradeCommand {
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
            "there continue meanwhile. With --drain, the host is drained once it is reached and",
            "all checks have passed; one that was drained before stays so afterwards. Without a",
            "deadline, its builds are waited for up to 24 hours. Ends at the first host that",
            "fails; if it was drained by then, it stays so.",
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
        let name = SafeText.line(host.name)
        context.say(context.style.paint(name, .bold))
        let installation = HostInstallation(context: context, name: host.name, address: address)
        guard context.arguments.has("drain") else {
            _ = try await installation.add()
            if host.drained == true {
                context.say("     Host \(name) is drained, and stays so")
            }
            return
        }
        var drain = HostDrain(context: context, name: host.name)
        do {
            _ = try await installation.add { machine in
                try await drain.begin()
                try await drain.wait(over: machine)
            }
        } catch let error as CommandError where drain.state != .none {
            throw CommandError(
                error.code,
                "\(error.message)\nHost \(name) stays drained. Resume it: "
                    + "aibuild host resume \(name)")
        }
        try await drain.end()
    }
}
