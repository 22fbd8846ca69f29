import BuildProtocol
import CoordinatorCore

/// Cancels queued builds that nobody needs any more, because a newer change takes their place.
struct Supersession: Sendable {
    let ports: Ports
    let store: any BuildWriter
    let tracker: BuildTracker

    /// Queued builds of one guest OS: more are not looked at.
    private static let builds = 500

    /// Cancels the queued builds of the same guest OS and origin. One that has begun goes on: its
    /// image is worth something, and a push a minute would otherwise never have one.
    func supersede(by newer: Build) async throws {
        guard let origin = newer.plan.origin else { return }
        let reason = "superseded by \(newer.guestOS):\(newer.number)"
        for build in try await queued(newer.guestOS, origin) where build.number < newer.number {
            try await cancel(build, reason)
        }
    }

    /// - Returns: the builds that were cancelled.
    func cancel(
        _ origin: BuildOrigin, of guestOS: GuestOS, _ reason: String
    ) async throws -> [Build] {
        let builds = try await queued(guestOS.name, origin)
        for build in builds { try await cancel(build, reason) }
        return builds
    }

    private func queued(_ guestOS: String, _ origin: BuildOrigin) async throws -> [Build] {
        try await ports.store.builds(
            BuildFilter(guestOS: guestOS, states: [.queued]), limit: Self.builds
        ).filter { build in
            build.stage == .build && build.attemptCount == 0
                && build.plan.origin.map { origin.replaces($0) } ?? false
        }
    }

    private func cancel(_ build: Build, _ reason: String) async throws {
        // It may have ended meanwhile.
        let entry = ports.auditEntry(
            "triggers", "build.cancel", "\(build.guestOS):\(build.number)", reason)
        guard let requested = try await store.recording(entry).requestCancel(build: build.id)
        else { return }
        _ = try await tracker.cancel(requested, reason)
    }
}
