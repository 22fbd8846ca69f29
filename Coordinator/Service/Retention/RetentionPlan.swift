import BuildProtocol
public import CoordinatorCore

/// What the retention policy would remove now, and why.
public struct RetentionPlan: Sendable {
    private let ports: Ports

    public init(ports: Ports) { self.ports = ports }

    /// - Parameter change: what differs from the policy of coordinator.yml, to see what another one
    ///   would remove. Then none needs to be configured.
    /// - Throws: `Refusal` if there is no policy; `StoreError`
    public func report(
        _ change: RetentionPolicyChange = RetentionPolicyChange()
    ) async throws -> RetentionReport {
        guard let policy = ports.retention ?? (change.isEmpty ? nil : RetentionPolicy()) else {
            throw Refusal(
                .conflict,
                "this coordinator removes nothing: `retention` is not set in coordinator.yml. To "
                    + "see what a policy would remove: aibuild retention --dry-run --good-images N")
        }
        var report = try await report(of: change.applied(to: policy))
        if change.isEmpty {
            let state = try await ports.store.retentionState().next(
                policy, graceMilliseconds: ports.retentionGraceMilliseconds,
                nowMilliseconds: ports.clock.unixMilliseconds())
            report.beginsMilliseconds = state.beginsMilliseconds
        }
        return report
    }

    /// What this policy would remove now.
    func report(of policy: RetentionPolicy) async throws -> RetentionReport {
        let free = try? await ports.webRoot.freeBytes()
        let (kept, templates) = try await keptBuilds()
        let choices = Retention.decide(
            kept, policy, freeBytes: free, nowMilliseconds: ports.clock.unixMilliseconds())
        return RetentionReport(
            policy: policy, freeBytes: free, choices: choices, templates: templates)
    }

    /// The builds that have ended, and the digests of the templates of all builds, also of those
    /// that have not.
    private func keptBuilds() async throws -> ([Retention.Kept], templates: Set<String>) {
        let released = try await buildsInEnvironments()
        let rows = ports.limits.pageRows
        var filter = BuildFilter()
        filter.isKept = true
        var kept: [Retention.Kept] = []
        var templates: Set<String> = []
        while true {
            let page = try await ports.store.builds(filter, limit: rows)
            for build in page {
                templates.insert(build.plan.template.sha256)
                guard build.state.isEnded else { continue }
                kept.append(Retention.Kept(build, isReleased: released.contains(build.id)))
            }
            guard page.count == rows else { return (kept, templates) }
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
    /// Until then the policy is only shown; `nil` if it is in force, or only asked about.
    public var beginsMilliseconds: Int64?
    /// Digests of the templates of all builds whose images and logs were kept before.
    var templates: Set<String>
    /// What could not be removed; the next run tries again.
    public var failures: [Failure] = []

    public struct Failure: Sendable, Hashable, Encodable {
        /// `debian12:7`, or what else it is.
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
