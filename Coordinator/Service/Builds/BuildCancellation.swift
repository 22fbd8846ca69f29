public import CoordinatorCore

/// Cancels queued and running builds.
public struct BuildCancellation: Sendable {
    let ports: Ports
    let store: any BuildWriter
    let tracker: BuildTracker

    /// - Returns: the current build. A running one ends once its host has stopped it.
    /// - Throws: `Refusal` if it has ended, `StoreError`
    public func cancel(_ build: Build, by actor: String) async throws -> Build {
        guard let requested = try await store.requestCancel(build: build.id) else {
            throw Refusal(
                .conflict, "build \(build.guestOS)/\(build.number) has ended already")
        }
        try await ports.audit(actor, "build.cancel", "\(build.guestOS)/\(build.number)")
        return try await tracker.cancel(build, "cancelled by \(actor)") ?? requested
    }
}
