import BuildProtocol
import CoordinatorCore

/// How long the stages of guest OSes usually take. Read when somebody asks why a build waits, and
/// kept until a build of the guest OS has ended.
actor DurationHistory {
    private let ports: Ports
    private var known: [String: UsualDurations] = [:]
    /// Clients that ask meanwhile wait for it, instead of reading the same.
    private var reading: Task<Void, Never>?

    /// The median of these is usual.
    private static let builds = 5

    init(_ ports: Ports) { self.ports = ports }

    /// One whose history cannot be read is left out.
    func durations(of guestOSes: [String]) async -> [String: UsualDurations] {
        let missing = guestOSes.filter { known[$0] == nil }.prefix(ports.limits.durationLooks)
        guard !missing.isEmpty else { return known }
        if let reading {
            await reading.value
        } else {
            let task = Task { for guestOS in missing { await read(guestOS) } }
            reading = task
            await task.value
            reading = nil
        }
        return known
    }

    private func read(_ guestOS: String) async {
        guard let build = try? await usual(guestOS, .build),
            let test = try? await usual(guestOS, .test)
        else { return }
        known[guestOS] = UsualDurations(build: build.duration, test: test.duration)
    }

    func forget(_ guestOS: String) { known[guestOS] = nil }

    /// `nil`: none has passed. As an optional of its own, `try?` would not tell it from a failure.
    private struct Found {
        var duration: StageDuration?
    }

    private func usual(_ guestOS: String, _ stage: BuildStage) async throws -> Found {
        let recent = try await ports.store.recentDurations(
            guestOS: guestOS, stage: stage, limit: Self.builds)
        return Found(duration: StageDuration(usualOf: recent))
    }
}
