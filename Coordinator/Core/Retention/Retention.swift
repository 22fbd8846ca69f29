public import BuildProtocol
import TextKit

/// What is removed and what is kept: a pure function of the kept builds. The newest good image of a
/// guest OS is never removed, nor is what is pinned, released or being released.
public enum Retention {
    /// A build that has ended and was not pruned, reduced to what matters here: a farm has very
    /// many.
    public struct Kept: Sendable, Hashable {
        public var id: String
        public var guestOS: String
        public var number: Int
        public var state: BuildState
        public var endedMilliseconds: Int64
        /// Of its image; companion files are not counted.
        public var imageBytes: Int64
        /// Its image is elsewhere: to remove it frees nothing.
        public var isElsewhere: Bool
        public var isPublished: Bool
        public var isPinned: Bool
        /// Released, or being released.
        public var isReleased: Bool

        public init(_ build: Build, isReleased: Bool) {
            id = build.id
            guestOS = build.guestOS
            number = build.number
            state = build.state
            endedMilliseconds = build.endedMilliseconds ?? 0
            imageBytes = build.image?.sizeBytes ?? 0
            isElsewhere = build.image?.isList ?? false
            isPublished = build.plan.isPublished
            isPinned = build.isPinned
            self.isReleased = isReleased
        }

        var mayGo: Bool { !isPinned && !isReleased }
    }

    /// A build whose image and logs are removed; its row is kept.
    public struct Choice: Sendable, Hashable {
        public var build: Kept
        /// A sentence for the audit log.
        public var reason: String
    }

    public static let dayMilliseconds: Int64 = 86_400_000

    /// - Parameter freeBytes: of the web root; `nil`: not known.
    /// - Returns: what to remove, in this order.
    public static func decide(
        _ kept: [Kept], _ policy: RetentionPolicy, freeBytes: Int64?, nowMilliseconds now: Int64
    ) -> [Choice] {
        var choices = failed(kept, policy, now) + unpublished(kept, policy, now)
        var early: [Kept] = []
        let good = Dictionary(
            grouping: kept.filter { $0.state == .passed && $0.isPublished }, by: \.guestOS)
        for builds in good.values {
            let newestFirst = builds.sorted { $0.number > $1.number }
            for (place, build) in newestFirst.enumerated() where place > 0 && build.mayGo {
                if place >= policy.goodImages {
                    let why = "\(build.guestOS) keeps its newest \(policy.goodImages) images"
                    choices.append(Choice(build: build, reason: why))
                } else {
                    early.append(build)
                }
            }
        }
        choices.sort { isOlder($0.build, $1.build) }
        guard let freeBytes else { return choices }
        let freed = choices.map(\.build.imageBytes).clampedSum()
        let chosen = Set(choices.map(\.build.id))
        // What is not for publication goes first.
        let spare = kept.filter {
            $0.state == .passed && !$0.isPublished && $0.mayGo && !chosen.contains($0.id)
        }
        return choices + removedEarly(spare, early, policy, [freeBytes, freed].clampedSum())
    }

    /// What is removed early, the oldest first, until there is enough free space.
    private static func removedEarly(
        _ spare: [Kept], _ early: [Kept], _ policy: RetentionPolicy, _ freeBytes: Int64
    ) -> [Choice] {
        var free = freeBytes
        var choices: [Choice] = []
        for build in spare.sorted(by: isOlder) + early.sorted(by: isOlder)
        where !build.isElsewhere {
            guard free < policy.minimumFreeBytes else { break }
            let why =
                "removed early: the web root has \(ByteSize.text(free)) free, less than "
                + ByteSize.text(policy.minimumFreeBytes)
            choices.append(Choice(build: build, reason: why))
            free = [free, build.imageBytes].clampedSum()
        }
        return choices
    }

    private static func failed(
        _ kept: [Kept], _ policy: RetentionPolicy, _ now: Int64
    ) -> [Choice] {
        kept.filter { build in
            (build.state == .failed || build.state == .cancelled) && build.mayGo
                && now - build.endedMilliseconds > Int64(policy.failedDays) * dayMilliseconds
        }.map { build in
            let end = build.state == .failed ? "failed" : "was cancelled"
            let why = "it \(end) more than \(policy.failedDays) days ago"
            return Choice(build: build, reason: why)
        }
    }

    private static func unpublished(
        _ kept: [Kept], _ policy: RetentionPolicy, _ now: Int64
    ) -> [Choice] {
        kept.filter { build in
            build.state == .passed && !build.isPublished && build.mayGo
                && now - build.endedMilliseconds
                    > Int64(policy.unpublishedDays) * dayMilliseconds
        }.map { build in
            let why =
                "it was not for publication, and ended more than \(policy.unpublishedDays) days ago"
            return Choice(build: build, reason: why)
        }
    }

    private static func isOlder(_ a: Kept, _ b: Kept) -> Bool {
        (a.endedMilliseconds, a.id) < (b.endedMilliseconds, b.id)
    }
}
