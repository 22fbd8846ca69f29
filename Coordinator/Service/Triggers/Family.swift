import BuildProtocol
import CoordinatorCore

/// A guest OS with everything that it is built on, at one time.
struct Family {
    /// The guest OS itself is the first.
    private let members: [TriggerEntry]
    private var recent: [String: Recent] = [:]

    /// The entries are read before the builds: a build that an entry knows of is in the store.
    init(of entry: TriggerEntry, _ board: TriggerBoard, _ ports: Ports) async throws {
        let ancestors = board.ancestors(of: entry.guestOS.name)
        members =
            [entry]
            + ancestors.compactMap { board.entry(named: $0) }
            // One that is built on itself is never built for a parent.
            .filter { board.cycle(from: $0.guestOS.name) == nil }
        for name in [entry.guestOS.name] + ancestors {
            recent[name] = try await Recent(name, ports)
        }
    }

    enum Step: Equatable {
        /// The parents are new to this guest OS: what they are now is the beginning.
        case begin([String: String])
        /// What it is built on is being built, or is about to be.
        case wait
        case build(cause: String, parents: [String: String])
        case refuse(String, cause: String)
    }

    /// What is to be done for the guest OS; `nil`: nothing.
    var step: Step? {
        guard let entry = members.first else { return nil }
        var builds = entry.state.parentBuilds
        let unknown = entry.state.plan.parents.filter { builds[$0] == nil }
        if !unknown.isEmpty {
            for parent in unknown { builds[parent] = image(of: parent)?.id ?? "" }
            return .begin(builds)
        }
        let news = news(for: entry)
        for build in news { builds[build.guestOS] = build.id }
        let cause =
            "parent " + news.map { "\($0.guestOS):\($0.number)" }.joined(separator: ", ")
        if let failed = failedParent(of: entry) {
            return .refuse(
                "the parent's build \(failed.guestOS):\(failed.number) failed",
                cause: news.isEmpty ? "parent" : cause)
        }
        if news.isEmpty { return nil }
        return isMoving ? .wait : .build(cause: cause, parents: builds)
    }

    /// The newest image that is published.
    func image(of name: String) -> Build? {
        recent[name]?.passed.flatMap { $0.plan.isPublished ? $0 : nil }
    }

    /// The images of its parents that a guest OS was not built for.
    func news(for entry: TriggerEntry) -> [Build] {
        entry.state.plan.parents.compactMap { parent in
            image(of: parent).flatMap { image in
                entry.state.parentBuilds[parent].flatMap { $0 == image.id ? nil : image }
            }
        }
    }

    func failedParent(of entry: TriggerEntry) -> Build? {
        entry.state.plan.parents.lazy
            .compactMap { recent[$0]?.ended }.first { $0.state == .failed }
    }

    /// Whether one of them is being built, or is about to be.
    var isMoving: Bool {
        if recent.values.contains(where: { $0.live != nil }) { return true }
        return members.dropFirst().contains { member in
            failedParent(of: member) == nil
                && (member.isParentDue || member.isWaiting || !news(for: member).isEmpty)
        }
    }
}
