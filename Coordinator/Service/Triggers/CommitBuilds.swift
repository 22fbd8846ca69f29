import BuildProtocol
import CoordinatorCore

/// The builds of commits that a change is about, so that each commit is built once.
struct CommitBuilds: Sendable {
    let ports: Ports

    /// Builds that people submitted, among which one of the commit is looked for.
    private static let recentBuilds = 200

    private func recent(_ change: ReportedChange) async throws -> [Build] {
        try await ports.store.builds(
            BuildFilter(guestOS: change.guestOS.name), limit: Self.recentBuilds
        ).filter { $0.plan.change == nil && change.counts($0.plan.origin) }
    }

    /// Of the newest build of a commit; `nil` if there is none among the last ones.
    func last(_ change: ReportedChange) async throws -> String? {
        Self.last(try await recent(change))?.plan.commit
    }

    private static func last(_ builds: [Build]) -> Build? {
        builds.first { $0.state != .cancelled && $0.plan.commit != nil }
    }

    /// Of the newest build that passed and that the change goes on from; `nil` if there is none.
    func lastGood(_ change: ReportedChange) async throws -> String? {
        switch change.report.change {
        case .push:
            // Before the first that passed, what came before is better than nothing.
            let builds = try await recent(change)
            return (builds.first { $0.state == .passed } ?? Self.last(builds))?.plan.commit
        case .tag: return try await Recent(change.guestOS.name, ports).passed?.plan.commit
        // What it brings is compared with its target, not with other builds.
        case .mergeRequest, .mergeRequestClosed: return nil
        }
    }

    /// The build of a commit: that of an earlier report, however long ago, or a recent one that
    /// somebody submitted.
    func build(of commit: String, _ change: ReportedChange) async throws -> Build? {
        if let build = try await id(of: commit, change).build { return build }
        guard change.report.change == .push else { return nil }
        return try await recent(change).first {
            $0.plan.commit == commit && $0.state != .cancelled
        }
    }

    /// Builds of one commit that were cancelled, because something newer came or a person did it.
    private static let cancelledBuilds = 100

    /// The id of the build of a commit, and that build if there is one. After builds that were
    /// cancelled comes another: a branch may return to a commit.
    func id(
        of commit: String, _ change: ReportedChange
    ) async throws -> (id: String, build: Build?) {
        for round in 0..<Self.cancelledBuilds {
            let id = change.buildID(commit, round: round)
            guard let build = try await ports.store.build(id: id) else { return (id, nil) }
            if build.state != .cancelled { return (id, build) }
        }
        throw Refusal("\(Self.cancelledBuilds) builds of this commit were cancelled")
    }
}
