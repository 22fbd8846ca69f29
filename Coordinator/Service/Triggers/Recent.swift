import BuildProtocol
import CoordinatorCore

/// The newest builds of a guest OS that stand for it: none that tries something out.
struct Recent {
    private let builds: [Build]
    /// The newest one that passed.
    let passed: Build?
    /// Rows of one query, and how many are looked through: with more builds of merge requests
    /// than this since, a guest OS counts as one that was never built.
    private static let (rows, pages) = (100, 20)

    init(_ guestOS: String, _ ports: Ports) async throws {
        var found: [Build] = []
        var filter = BuildFilter(guestOS: guestOS)
        for _ in 0..<Self.pages {
            let page = try await ports.store.builds(filter, limit: Self.rows)
            found += page.filter { $0.plan.isTheGuestOS }
            // Live ones are newer than the last that ended, but for retries of old ones.
            let isEnough =
                found.contains { $0.state == .passed }
                && found.contains { $0.state == .passed || $0.state == .failed }
            guard !isEnough, page.count == Self.rows else { break }
            filter.after = page.last?.id
        }
        builds = found
        passed = found.first { $0.state == .passed }
    }

    var live: Build? { builds.first { !$0.state.isEnded } }
    /// The newest one that came to an end by itself.
    var ended: Build? { builds.first { $0.state == .passed || $0.state == .failed } }
}

extension BuildPlan {
    /// Whether it builds what the guest OS is, and tries nothing out.
    var isTheGuestOS: Bool { change == nil && (isPublished || isTimed) }

    private var isTimed: Bool {
        switch origin?.kind {
        case .schedule, .parent, .baseImage, .packages, .age: true
        default: false
        }
    }
}
