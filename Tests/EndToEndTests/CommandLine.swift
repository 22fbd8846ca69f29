import ProcessKit
import TestSupport

/// What a command of `aibuild` printed.
struct Said {
    var status: ProcessKit.ExitStatus
    var out, err: String
}

extension Farm {
    /// Runs the CLI against this farm's coordinator.
    func aibuild(_ words: [String]) async throws -> Said {
        let output = try await Command(
            [try FarmProgram.path("aibuild")] + words,
            environment: Command.minimalEnvironment.merging(["AIBUILD_URL": api.base]) { $1 },
            workFolder: folder
        ).run(timeoutSeconds: 60)
        return Said(status: output.status, out: output.stdoutText, err: output.stderrText)
    }
}
