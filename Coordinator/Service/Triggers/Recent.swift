import BuildProtocol
import CoordinatorCore

/// The newest builds of a guest OS that stand for it: none that tries something out.
struct Recent {
    private let builds: [Build]
    /// The newest one that passed.
    let passed: Build?
    private static let limit = 20
    private static let passedLimit = 50

    init(_ guestOS: String, _ ports: Ports) async throws {
        builds = try await ports.store.builds(
            BuildFilter(guestOS: guestOS), limit: Self.limit
        ).filter { $0.plan.isTheGuestOS }
        if let passed = builds.first(where: { $0.state == .passed }) {
            self.passed = passed
        } else {
            passed = try await ports.store.builds(
                BuildFilter(guestOS: guestOS, states: [.passed]), limit: Self.passedLimit
            ).first { $0.plan.isTheGuestOS }
        }
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
        case .schedule, .parent, .baseImage, .age: true
        default: false
        }
    }
}
