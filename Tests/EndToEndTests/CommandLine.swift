import ProcessKit
import TestSupport

/// What a command of `aibuild` printed.
struct Said {
    var status: ProcessKit.ExitStatus
    var out, err: String
}

extension Farm {
    /// Runs the CLI against this farm's coordinator.
    /// - Parameter authorities: those that it trusts; `nil`: the system's.
    func aibuild(_ words: [String], authorities: String? = nil) async throws -> Said {
        var variables = ["AIBUILD_URL": api.base]
        variables["AIBUILD_CA_FILE"] = authorities
        let output = try await Command(
            [try FarmProgram.path("aibuild")] + words,
            environment: Command.minimalEnvironment.merging(variables) { $1 },
            workFolder: folder
        ).run(timeoutSeconds: 60)
        return Said(status: output.status, out: output.stdoutText, err: output.stderrText)
    }
}
