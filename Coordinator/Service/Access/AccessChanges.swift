import BuildProtocol
import CoordinatorCore
import Support

/// Every change of who may do what: stored first, then followed by this coordinator's directory.
struct AccessChanges: Sendable {
    let ports: Ports
    let store: any AccessWriter

    /// - Parameter entry: what the audit log has of it; `nil`: nobody asked for it, or it is a part
    ///   of a change that the log has.
    func apply(_ change: AccessChange, _ entry: AuditEntry?) async throws {
        try await store.recording(entry.map { [$0] } ?? []).apply(change)
        ports.directory.follow(change)
    }

    /// Stores what was used, and removes what no longer counts.
    func lookAfter() async throws {
        if let uses = ports.directory.takeUses() { try await apply(uses, nil) }
        let now = ports.clock.unixMilliseconds()
        try await apply(
            .removeExpired(
                tokensBefore: now - AccessTimes.expiredTokenMilliseconds,
                sessionsUsedBefore: now - AccessTimes.sessionIdleMilliseconds,
                sessionsCreatedBefore: now - AccessTimes.sessionMilliseconds), nil)
    }
}

/// Keeps the store's records of tokens and sessions short and current.
final class AccessUpkeep: Sendable {
    private let changes: AccessChanges
    private let looks: Repetition

    init(_ changes: AccessChanges) {
        self.changes = changes
        looks = Repetition(changes.ports.clock)
    }

    func start() {
        looks.start { [changes] in
            do { try await changes.lookAfter() } catch {
                Logger("access").warning("cannot store the use of tokens and sessions: \(error)")
            }
            return AccessTimes.useMilliseconds
        }
    }

    func stop() async { await looks.stop() }
}

extension Ports {
    /// 256 random bits.
    func randomSecret() -> String {
        ids.randomToken().description + ids.randomToken().description
    }

    /// - Throws: `Refusal` if this coordinator keeps no passwords.
    func hashing() throws -> any PasswordHashing {
        guard let passwords else {
            throw Refusal(.conflict, "this coordinator has no passwords")
        }
        return passwords
    }
}
