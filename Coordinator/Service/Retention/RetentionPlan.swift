import BuildProtocol
public import CoordinatorCore

/// What the retention policy would remove now, and why.
public struct RetentionPlan: Sendable {
    private let ports: Ports

    public init(ports: Ports) { self.ports = ports }

    /// - Throws: `Refusal` if there is no policy; `StoreError`
    public func report() async throws -> RetentionReport {
        guard let policy = ports.retention else {
            throw Refusal(
                .conflict,
                "this coordinator removes nothing: `retention` is not set in coordinator.yml")
        }
        let free = try? await ports.webRoot.freeBytes()
        let choices = Retention.decide(
            try await keptBuilds(), policy, freeBytes: free,
            nowMilliseconds: ports.clock.unixMilliseconds())
        return RetentionReport(policy: policy, freeBytes: free, choices: choices)
    }

    private func keptBuilds() async throws -> [Retention.Kept] {
        let released = try await buildsInEnvironments()
        let rows = ports.limits.pageRows
        var filter = BuildFilter(states: Set(BuildState.allCases.filter(\.isEnded)))
        filter.isKept = true
        var kept: [Retention.Kept] = []
        while true {
            let page = try await ports.store.builds(filter, limit: rows)
            kept += page.map { Retention.Kept($0, isReleased: released.contains($0.id)) }
            guard page.count == rows else { return kept }
            filter.after = page.last?.id
        }
    }

    /// Builds that are released, or being released.
    private func buildsInEnvironments() async throws -> Set<String> {
        var filter = ReleaseFilter(states: [.awaitingApproval, .queued, .running, .released])
        var found: Set<String> = []
        while true {
            let page = try await ports.store.releases(filter, limit: ports.limits.pageRows)
            found.formUnion(page.map(\.build))
            guard page.count == ports.limits.pageRows else { return found }
            filter.after = page.last?.id
        }
    }
}

/// What would be or was removed.
public struct RetentionReport: Sendable {
    public var policy: RetentionPolicy
    /// Free space of the web root, before the removal.
    public var freeBytes: Int64?
    public var choices: [Retention.Choice]
    /// What could not be removed; the next run tries again.
    public var failures: [Failure] = []

    public struct Failure: Sendable, Hashable, Encodable {
        /// `debian12:7`
        public var build: String
        public var reason: String

        /// - Throws: the error if it concerns every build: the store is away, or another
        ///   coordinator leads.
        init(_ build: String, _ error: any Error) throws {
            if let code = (error as? StoreError)?.code, code == .deposed || code == .unavailable {
                throw error
            }
            self.build = build
            reason = "\(error)"
        }
    }
}
