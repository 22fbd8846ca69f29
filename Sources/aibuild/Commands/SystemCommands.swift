import ArgumentKit
import BuildProtocol

/// `aibuild version`, `aibuild doctor`, `aibuild web` and `aibuild completion`
enum SystemCommands {
    static let all = [doctor, version, WebCommand.web, completion]

    private static let version = Command(
        name: "version", summary: "Show the versions of this program and of the coordinator",
        examples: ["aibuild version"],
        run: { context in
            if !context.wantsJSON { context.console.out("aibuild \(CLI.version)\n") }
            let body = try await context.api.get("/api/v1/version")
            return try context.show(body, as: VersionAnswer.self) { answer in
                context.console.out(
                    "coordinator \(SafeText.line(answer.version)), "
                        + "protocol \(SafeText.line(answer.protocol))\n")
            }
        })

    private static let completion = Command(
        name: "completion", summary: "Print the completion of commands and options for a shell",
        operands: ["SHELL"],
        details: [
            "SHELL is \(Shell.allCases.map(\.rawValue).joined(separator: ", ")). "
                + "The Debian package installs all of them.",
            "Without it, in ~/.bashrc: source <(aibuild completion bash)",
        ],
        examples: ["aibuild completion bash"],
        run: { context in
            let name = context.arguments.operands[0]
            guard let shell = Shell(rawValue: name) else {
                throw CommandError(
                    .usage,
                    "There is no completion for \(name): it is one of "
                        + Shell.allCases.map(\.rawValue).joined(separator: ", "))
            }
            context.console.out(CommandProgram.aibuild.completion(for: shell))
            return .ok
        })

    private static let doctor = Command(
        name: "doctor", summary: "Check the coordinator, its hosts and its queue for problems",
        operands: ["HOST..."],
        options: [
            CommandOption(
                "as", value: "USER",
                "as whom you log in on hosts by ssh, root or with sudo; if not given, ssh decides")
        ] + HostAddCommand.sshOptions,
        details: [
            "Exits with 0 if all is well and with 1 if something needs attention. With the names",
            "of hosts, only these are checked, each in detail: as the coordinator sees them, and",
            "on the machine itself, where your own ssh logs you in, as host add checks it. Nothing",
            "is changed there. A machine that ssh does not reach is a warning.",
        ],
        examples: ["aibuild doctor", "aibuild doctor kvm1", "aibuild doctor kvm1 kvm2 --as anna"],
        run: { context in
            if context.arguments.operands.isEmpty,
                let option = ["as", "ssh-config"].first(where: { context.arguments.has($0) })
            {
                throw CommandError(.usage, "Option --\(option) needs the name of a host")
            }
            var doctor = Doctor(context)
            return try await doctor.run()
        })
}
