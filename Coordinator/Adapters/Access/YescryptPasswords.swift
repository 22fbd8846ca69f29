public import CoordinatorCore
import Dispatch
import PasswordKit

/// Hashes one password at a time, on a thread of its own: each takes 128 MiB and a core for a sixth
/// of a second, which is the point, and two hundred people who sign in at once are not to take that
/// from the builds. How many wait is the caller's to bound.
public struct YescryptPasswords: PasswordHashing {
    private let queue = DispatchQueue(label: "passwords", qos: .utility)
    /// What is compared with for a name that nobody has: the hash of no password.
    let decoy: String

    /// - Throws: `PasswordFault`
    public init() throws(PasswordFault) {
        decoy = try Self.reporting { () throws(PasswordHashError) in try PasswordHash.make("") }
    }

    public func hash(_ password: String) async throws -> String {
        try await inTurn { () throws(PasswordHashError) in try PasswordHash.make(password) }
    }

    public func matches(_ password: String, _ hash: String?) async throws -> Bool {
        let decoy = decoy
        let isEqual = try await inTurn { () throws(PasswordHashError) in
            try PasswordHash.matches(password, hash ?? decoy)
        }
        return isEqual && hash != nil
    }

    private func inTurn<T: Sendable>(
        _ work: @escaping @Sendable () throws(PasswordHashError) -> T
    ) async throws -> T {
        try await withCheckedThrowingContinuation { done in
            queue.async { done.resume(with: Result { try Self.reporting(work) }) }
        }
    }

    private static func reporting<T>(
        _ work: () throws(PasswordHashError) -> T
    ) throws(PasswordFault) -> T {
        do throws(PasswordHashError) { return try work() } catch {
            throw PasswordFault(.failed, "\(error)")
        }
    }
}
