import BuildProtocol
import CoordinatorCore

// Events go up through these, effects go down through the ports and `HostLink`: a session knows
// the farm only as somebody who listens, and holds it weakly.

/// Hears what a session with a host learns.
protocol HostEvents: AnyObject, Sendable {
    func hostReported(_ name: String, _ report: HostReport) async
    func hostWentAway(_ name: String, _ why: String) async
}

/// Hears what the session of an attempt does.
protocol AttemptEvents: AnyObject, Sendable {
    func progressed(_ build: String, _ detail: LiveDetail) async
    /// The host has finished the attempt: its slot is free.
    func leftHost(_ session: BuildSession) async
    /// The store took a change of the build's state.
    func advanced(_ build: Build) async
    /// The attempt is over; decides what follows and records it.
    /// - Throws: `StoreError` if nothing was recorded; the session reports it again.
    func ended(_ session: BuildSession, _ end: AttemptEnd, _ image: PublishedImage?) async throws
    /// The store has the build in other hands; the session has stopped touching it.
    func superseded(_ session: BuildSession) async
}
