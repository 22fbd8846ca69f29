import BuildProtocol
import CoordinatorCore

/// What the end of a build or a release says to people, by what was before it.
struct EndedNotifications: Sendable {
    let ports: Ports

    /// Builds before the one that ended, among which the last that counts is looked for.
    private static let builds = 50

    /// `nil` if nobody is told: of a cancelled build, or of a try with other variables or another
    /// commit than is registered.
    func notification(of build: Build) async throws -> Notification? {
        guard build.plan.change == nil else { return nil }
        let before = try await ports.store.builds(
            BuildFilter(guestOS: build.guestOS, states: [.passed, .failed]), limit: Self.builds
        ).first {
            $0.number < build.number && $0.plan.change == nil
                && $0.plan.isPublished == build.plan.isPublished
        }
        var notification = Notification(ended: build, before: before?.state, pages: ports.pages)
        if build.state == .failed {
            notification?.seen = await FailureHistory(ports: ports).words(build)
        }
        return notification
    }

    func notification(of release: Release) async throws -> Notification? {
        let owner = try await ports.store.guestOS(named: release.guestOS)?.owner ?? ""
        return Notification(ended: release, owner: owner, pages: ports.pages)
    }
}
