import Support
import TestSupport

/// One kind of fault, as data: a new one is one row of a table.
struct Fault: Sendable {
    let name: String
    /// How long it lasts before it is lifted.
    var milliseconds: ClosedRange<Int> = 0...0
    /// A build of this guest OS must be under way.
    var guestOS: String?
    /// Takes longer than a campaign that is part of every test run has time for.
    var isLong = false
    /// Brings it about; `nil` when there is nothing to hit at the moment.
    let strike: @Sendable (Scene) async throws -> Strike?
}

/// A fault that has been brought about.
struct Strike: Sendable {
    var target: String
    var excuse = Excuse.nothing
    /// Whether it is really there, waited for before its time begins.
    var took: @Sendable () async throws -> Bool = { true }
    var lift: @Sendable () async throws -> Void = {}
    /// What must have healed afterwards, beyond what every fault is asked for.
    var healed: @Sendable () async throws -> Bool = { true }
    /// Puts the farm back as it was before, once it has healed.
    var restore: @Sendable () async throws -> Void = {}
}

/// Which attempts a fault may end. Any other attempt that ran and did not pass was restarted
/// without cause.
enum Excuse: Sendable {
    case nothing
    case attempt(String, codes: Set<String>)
    case host(String, codes: Set<String>)
}
