import BuildProtocol
import CoordinatorCore

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
