import BuildProtocol
import CoordinatorCore

/// How long the stages of guest OSes usually take. Read when somebody asks why a build waits, and
/// kept until a build of the guest OS has ended.
actor DurationHistory {
    private let ports: Ports
    private var known: [String: UsualDurations] = [:]
    /// Clients that ask meanwhile wait for it, instead of reading the same.
    private var reading: Task<Void, Never>?

    /// Enough for a range by host, and few enough to be of this season.
    private static let builds = 40

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
        guard let build = try? await recent(guestOS, .build),
            let test = try? await recent(guestOS, .test)
        else { return }
        known[guestOS] = UsualDurations(build: build, test: test)
    }

    func forget(_ guestOS: String) { known[guestOS] = nil }

    private func recent(_ guestOS: String, _ stage: BuildStage) async throws -> [StageDuration] {
        try await ports.store.recentDurations(
            guestOS: guestOS, stage: stage, limit: Self.builds)
    }
}
