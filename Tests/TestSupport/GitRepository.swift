import ProcessKit
import Support

/// A Git repository that a test makes with shell commands.
public struct GitRepository: Sendable {
    public let path: String
    public var url: String { "file://" + path }

    /// - Parameter options: of `git init`.
    public init(_ path: String, _ options: String...) async throws {
        self.path = path
        try Files.makeFolder(path)
        try await run("git init --quiet \(options.joined(separator: " ")) .")
    }

    /// Runs a script in the folder of the repository.
    /// - Returns: its standard output.
    @discardableResult
    public func run(_ script: String) async throws -> String {
        var environment = Command.minimalEnvironment
        environment["HOME"] = path + "/.git"
        for role in ["AUTHOR", "COMMITTER"] {
            environment["GIT_\(role)_NAME"] = "t"
            environment["GIT_\(role)_EMAIL"] = "t@example.org"
        }
        let result = try await Command(
            ["/bin/sh", "-ec", script], environment: environment, workFolder: path
        ).run(timeoutSeconds: 300)
        guard result.status.isSuccess else { throw Failure("\(script): \(result.stderrText)") }
        let text = result.stdoutText
        return text.hasSuffix("\n") ? String(text.dropLast()) : text
    }

    /// Commits everything.
    /// - Returns: the commit.
    @discardableResult
    public func commit(_ message: String = "change") async throws -> String {
        try await run("git add --all; git commit --quiet -m '\(message)'; git rev-parse HEAD")
    }
}
