import ArgumentKit
import BuildProtocol

/// `aibuild host add`: sets a machine up as a host, or registers one that is set up already.
enum HostAddCommand {
    struct Registration: Encodable {
        var name, address, hostKey: String
        var variables: [String: String]?
    }

    /// How this program logs in on a machine.
    static let sshOptions = [
        CommandOption("ssh-config", value: "FILE", "settings of ssh, instead of ~/.ssh/config")
    ]

    static let command = Command(
        name: "host add", summary: "Set a machine up as a host, and add it to the farm",
        operands: ["NAME"],
        options: [
            CommandOption(
                "address", value: "USER@HOST[:PORT]",
                "where you log in by ssh, as root or with sudo; with --register-only, where the "
                    + "coordinator does", isRequired: true),
            CommandOption(
                "reach", value: "HOST[:PORT]",
                "where the coordinator reaches it, if that is another address"),
            CommandOption("print", "print what to run there by hand, and do nothing"),
            CommandOption("register-only", "only add a machine that is set up already"),
            CommandOption("no-wait", "end without waiting for the host to be ready"),
            HostCommands.variableOption,
        ] + HostCommands.keyOptions + sshOptions,
        details: [
            "Connects by your own ssh, checks the machine, installs the coordinator's package",
            "of the agent, lets the coordinator's key in, starts the agent, adds the host and",
            "waits until the coordinator has reached it. May be repeated; if a step fails, what",
            "this run did is taken back. The host key that the coordinator sees must be one that",
            "the machine itself shows over your connection.",
            "",
            "With --register-only the coordinator fetches the host key and from then on accepts no",
            "other one. Compare the fingerprint with the one that the host itself reports:",
            "  ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub",
            "In a script, pass it with --fingerprint, or pass the key with --host-key. Of several",
            "lines, those for this address count; hashed names and markers are understood.",
            "Ends when the host is ready, or with 4 and the reason if it cannot be used.",
        ],
        examples: [
            "aibuild host add kvm1 --address root@kvm1.example.com",
            "aibuild host add kvm2 --address anna@10.0.0.2:2222 --print",
            "aibuild host add kvm3 --register-only --address _aibuild-agent@kvm3 "
                + "--host-key ~/.ssh/known_hosts",
        ], run: run)

    private static func run(_ context: CommandContext) async throws -> ExitCode {
        if let problem = Names.problem(context.arguments.operands[0], what: "name of the host") {
            throw CommandError(.usage, problem)
        }
        let address = context.arguments["address"] ?? ""
        if context.arguments.has("register-only") {
            try refuse(["print", "reach", "ssh-config"], with: "--register-only", context)
            return try await register(context, address)
        }
        try refuse(HostCommands.keyOptions.map(\.long), with: "its own setup", context)
        let setup = HostInstallation(
            context: context, name: context.arguments.operands[0],
            address: try RemoteAddress(address))
        if setup.address.user == "_aibuild-agent" {
            throw CommandError(
                .usage,
                "_aibuild-agent is the user of the agent: give the one by whom you log in there. "
                    + "To add a host that is set up already, add --register-only")
        }
        return try await context.arguments.has("print") ? setup.printScript() : setup.add()
    }

    private static func refuse(
        _ options: [String], with other: String, _ context: CommandContext
    ) throws(CommandError) {
        if let given = options.first(where: { context.arguments.has($0) }) {
            throw CommandError(.usage, "Option --\(given) does not go with \(other)")
        }
    }

    private static func register(
        _ context: CommandContext, _ address: String
    ) async throws -> ExitCode {
        let variables = try context.arguments.variables(over: [:])
        let key = try await HostKeyChoice(context: context, address: address).key()
        let body = try await context.api.send(
            "POST", "/api/v1/hosts",
            Registration(
                name: context.arguments.operands[0], address: address, hostKey: key,
                variables: variables.isEmpty ? nil : variables))
        if context.wantsJSON || context.arguments.has("no-wait") {
            return context.show(
                body, "Added host \(context.name). Check its status: aibuild host list")
        }
        let arrival = HostArrival(
            context: context, name: context.arguments.operands[0])
        let host = try await arrival.wait(
            milliseconds: HostArrival.usualMilliseconds, endsAtFault: true)
        switch host.state {
        case "ready" where host.slots == 0:
            return try arrival.report(host, "Host \(context.name) was added")
        case "ready": return try arrival.report(host, "Added host \(context.name)")
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
