/// Which releases start now. Several environments are served in parallel, so that four take hardly
/// more time than one. Two releases of one guest OS to one environment never overlap, because each
/// replaces what the other leaves.
public enum ReleaseQueue {
    public struct Bounds: Sendable {
        public var atOnce: Int
        public var atOncePerEnvironment: Int

        public init(atOnce: Int, atOncePerEnvironment: Int) {
            self.atOnce = atOnce
            self.atOncePerEnvironment = atOncePerEnvironment
        }
    }

    private struct Place: Hashable {
        var environment, guestOS: String
    }

    /// - Parameters:
    ///   - live: every release that has not ended.
    ///   - running: those that are being carried out now.
    /// - Returns: those to start, oldest first, and the latest time of the next call.
    public static func next(
        _ live: some Collection<Release>, running: Set<String>, nowMilliseconds now: Int64,
        _ bounds: Bounds
    ) -> (begin: [String], wakeMilliseconds: Int64?) {
        var atOnce = running.count
        var perEnvironment: [String: Int] = [:]
        var taken: Set<Place> = []
        for release in live where running.contains(release.id) {
            perEnvironment[release.environment, default: 0] += 1
            taken.insert(Place(environment: release.environment, guestOS: release.guestOS))
        }
        var begin: [String] = []
        var wake: Int64?
        let waiting = live.filter { $0.state == .queued && !running.contains($0.id) }
            .sorted { ($0.createdMilliseconds, $0.id) < ($1.createdMilliseconds, $1.id) }
        for release in waiting {
            let place = Place(environment: release.environment, guestOS: release.guestOS)
            // An older one that waits for its retry keeps its place before a younger one.
            guard taken.insert(place).inserted else { continue }
            guard release.notBeforeMilliseconds <= now else {
                wake = min(wake ?? .max, release.notBeforeMilliseconds)
                continue
            }
            guard atOnce < bounds.atOnce,
                perEnvironment[release.environment, default: 0] < bounds.atOncePerEnvironment
            else { continue }
            begin.append(release.id)
            atOnce += 1
            perEnvironment[release.environment, default: 0] += 1
        }
        return (begin, wake)
    }

    /// - Returns: those whose time is over before they succeeded, and when the next one's ends.
    public static func overdue(
        _ live: some Collection<Release>, nowMilliseconds now: Int64
    ) -> (ids: [String], wakeMilliseconds: Int64?) {
        var ids: [String] = []
        var wake: Int64?
        for release in live
        where release.ending == nil && (release.state == .queued || release.state == .running) {
            guard let deadline = release.deadlineMilliseconds else { continue }
            if deadline <= now {
                ids.append(release.id)
            } else {
                wake = min(wake ?? .max, deadline)
            }
        }
        return (ids.sorted(), wake)
    }

    /// - Parameter wait: how long a release waits for its approval.
    /// - Returns: those that nobody has approved in time, and when the next one's time ends.
    public static func unanswered(
        _ live: some Collection<Release>, nowMilliseconds now: Int64, waitMilliseconds wait: Int64
    ) -> (expired: [String], wakeMilliseconds: Int64?) {
        var expired: [String] = []
        var wake: Int64?
        for release in live where release.state == .awaitingApproval {
            let end = release.createdMilliseconds + wait
            if end <= now { expired.append(release.id) } else { wake = min(wake ?? .max, end) }
        }
        return (expired.sorted(), wake)
    }
}
