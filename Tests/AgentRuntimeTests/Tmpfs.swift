import ProcessKit
import Support
import Testing

/// Runs `body` with a small file system mounted at `folder`, which is unmounted afterwards, also
/// if `body` throws. Needs root.
func withTmpfs(
    _ folder: String, size: String, _ body: () async throws -> Void
) async throws {
    try Files.makeFolder(folder)
    func run(_ arguments: [String]) async throws {
        let output = try await Command(arguments, environment: Command.minimalEnvironment)
            .run(timeoutSeconds: 300)
        try #require(output.status.isSuccess, "\(output.stderrText)")
    }
    try await run(["mount", "-t", "tmpfs", "-o", "size=\(size)", "tmpfs", folder])
    do { try await body() } catch {
        try await run(["umount", "-l", folder])
        throw error
    }
    try await run(["umount", "-l", folder])
}
