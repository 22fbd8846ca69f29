import Support
import TestSupport

/// One kind of fault, as data: a new one is one row of a table.
struct Fault: Sendable {
    let name: String
    /// How long it lasts before it is removed.
    var milliseconds: ClosedRange<Int> = 0...0
    /// A build of this guest OS must be running.
    var guestOS: String?
    /// Takes too long for the campaign that is part of every test run.
    var isLong = false
    /// Injects the fault; `nil` when it has no target at the moment.
    let strike: @Sendable (Scene) async throws -> Strike?
}

/// An injected fault.
struct Strike: Sendable {
    var target: String
    var excuse = Excuse.nothing
    /// Whether it has taken effect; its duration starts then.
    var took: @Sendable () async throws -> Bool = { true }
    var lift: @Sendable () async throws -> Void = {}
    /// What must have recovered afterwards, in addition to the general checks.
    var healed: @Sendable () async throws -> Bool = { true }
    /// Restores the farm's former state, after recovery.
    var restore: @Sendable () async throws -> Void = {}
}

/// The attempts that a fault may end. Any other attempt that ran and did not pass was restarted
/// without cause.
enum Excuse: Sendable {
    case nothing
    case attempt(String, codes: Set<String>)
    case host(String, codes: Set<String>)
}
