import BuildProtocol
public import CoordinatorCore

/// What else failed like a build, and what those failures have in common.
public struct FailureHistory: Sendable {
    let ports: Ports

    public init(ports: Ports) { self.ports = ports }

    /// How far failures are looked back at.
    private static let windowMilliseconds: Int64 = 14 * 86_400_000
    /// Failures that are compared: of one fingerprint, and of all.
    private static let alike = 1_000
    private static let recent = 5_000
    /// Builds that passed, to compare with.
    private static let passed = 20

    /// The failures like the last one of the build; `nil` if none is known.
    public func like(_ build: Build) async throws -> FailureGroup? {
        guard build.fault != nil else { return nil }
        let own = try await ports.store.failures(FailureFilter(build: build.id), limit: 1).first
        guard let own else { return nil }
        let records = try await ports.store.failures(
            FailureFilter(
                fingerprint: own.fingerprint.id,
                sinceMilliseconds: own.atMilliseconds &- Self.windowMilliseconds),
            limit: Self.alike
        ).filter { $0.atMilliseconds <= own.atMilliseconds || $0.build == build.id }
        guard var group = FailureGroup(records) else { return nil }
        let mine = records.filter { $0.guestOS == build.guestOS }
        if mine.count == records.count {
            let passed = try await ports.store.builds(
                BuildFilter(guestOS: build.guestOS, states: [.passed]), limit: Self.passed)
            group.compare(mine, passed: passed)
        }
        group.fingerprint = own.fingerprint
        return group
    }

    /// Of the newest failures since then, the most frequent first.
    public func groups(guestOS: String?, since: Int64?, limit: Int) async throws -> [FailureGroup] {
        let since = since ?? ports.clock.unixMilliseconds() &- Self.windowMilliseconds
        let records = try await ports.store.failures(
            FailureFilter(guestOS: guestOS, sinceMilliseconds: since), limit: Self.recent)
        return Array(FailureGroup.groups(records).prefix(limit))
    }

    /// What `like` says of a failure that is not the first of its kind. `nil` also if the store
    /// cannot be read: that must not hide the failure itself.
    public func words(_ build: Build) async -> String? {
        guard let group = try? await like(build), group.count > 1 else { return nil }
        return group.words(at: ports.clock.unixMilliseconds())
    }
}
