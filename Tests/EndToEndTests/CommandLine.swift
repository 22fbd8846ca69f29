import ProcessKit
import TestSupport

/// What a command of `aibuild` printed.
struct Said {
    var status: ProcessKit.ExitStatus
    var out, err: String
}

extension Farm {
    /// Runs the CLI against this farm's coordinator.
    /// - Parameters:
    ///   - authorities: those that it trusts; `nil`: the system's.
    ///   - more: of its environment, beside or instead of the usual ones.
    func aibuild(
        _ words: [String], authorities: String? = nil, variables more: [String: String] = [:]
    ) async throws -> Said {
        var variables = ["AIBUILD_URL": api.base]
        variables["AIBUILD_CA_FILE"] = authorities
        let output = try await Command(
            [try FarmProgram.path("aibuild")] + words,
            environment: Command.minimalEnvironment.merging(variables) { $1 }.merging(more) { $1 },
            workFolder: folder
        ).run(timeoutSeconds: 300)
        return Said(status: output.status, out: output.stdoutText, err: output.stderrText)
    }
}
