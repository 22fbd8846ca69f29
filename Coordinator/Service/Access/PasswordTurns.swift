import CoordinatorCore
import Support
import Synchronization

/// Work with passwords, one after another: each sign-in is judged by the failures of all before it,
/// and others' requests keep a core.
final class PasswordTurns: Sendable {
    private let turns = Turns()
    private let waiting = Mutex(0)
    /// A sixth of a second each: the last one waits a minute.
    private static let limit = 300

    /// - Throws: `PasswordFault.busy` if too many wait.
    func run<T: Sendable>(_ body: @escaping @Sendable () async throws -> T) async throws -> T {
        let hasRoom = waiting.withLock { waiting in
            guard waiting < Self.limit else { return false }
            waiting += 1
            return true
        }
        guard hasRoom else {
            throw PasswordFault(.busy, "too many people are signing in at this moment")
        }
        defer { waiting.withLock { $0 -= 1 } }
        return try await turns.run("password", body)
    }
}
