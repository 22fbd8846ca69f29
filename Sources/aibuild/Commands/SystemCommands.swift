import BuildProtocol

/// `aibuild version`, `aibuild doctor` and `aibuild web`
enum SystemCommands {
    static let all = [doctor, version, WebCommand.web]

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

    private static let doctor = Command(
        name: "doctor", summary: "Check the coordinator, its hosts and its queue for problems",
        details: ["Exits with 0 if all is well and with 1 if something needs attention."],
        examples: ["aibuild doctor"],
        run: { context in
            var doctor = Doctor(context)
            return try await doctor.run()
        })
}
