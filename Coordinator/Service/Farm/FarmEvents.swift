import BuildProtocol
import CoordinatorCore

// Events go up through these protocols, effects go down through the ports and `HostLink`: a session
// knows the farm only as a listener, and holds it weakly.

/// Receives the events of a session with a host.
protocol HostEvents: AnyObject, Sendable {
    func hostReported(_ name: String, _ report: HostReport) async
    func hostWentAway(_ name: String, _ why: String) async
    /// Why the agent that answered cannot be used under this name; `nil` if it can.
    /// - Parameter unknown: attempts that it holds, and that no session of this name follows.
    func refusal(
        of agentID: String?, holding unknown: [AttemptToken], ofHost name: String
    ) async -> String?
}

/// Receives the events of an attempt's session.
protocol AttemptEvents: AnyObject, Sendable {
    func progressed(_ build: String, _ detail: LiveDetail) async
    /// The attempt has finished on the host: its slot is free.
    func leftHost(_ session: BuildSession) async
    /// The store accepted a change of the build's state.
    func advanced(_ build: Build) async
    /// The attempt has ended; decides what follows and records it.
    /// - Throws: `StoreError` if nothing was recorded; the session reports it again.
    func ended(_ session: BuildSession, _ end: AttemptEnd, _ image: PublishedImage?) async throws
    /// Another attempt or coordinator owns the build in the store; the session no longer touches
    /// it.
    func superseded(_ session: BuildSession) async
}
