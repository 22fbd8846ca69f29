import BuildProtocol

/// `aibuild version` and `aibuild doctor`
enum SystemCommands {
    static let all = [doctor, version]

    private static let version = Command(
        name: "version", summary: "the versions of this program and of the coordinator",
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
        name: "doctor", summary: "look for what keeps the farm from building",
        details: ["Ends with 0 when all is well and with 1 when something is to be done."],
        examples: ["aibuild doctor"],
        run: { context in await Doctor(context).run() })
}
