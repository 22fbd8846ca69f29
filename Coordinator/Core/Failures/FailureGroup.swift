import BuildProtocol
import TextKit

/// Failures with the same fingerprint, and what they have in common.
public struct FailureGroup: Sendable, Hashable {
    public struct Count: Sendable, Hashable, Encodable {
        public var name: String
        public var count: Int
    }

    /// What the failed have in common that the passed had not.
    public struct Only: Sendable, Hashable {
        public var host: String?
        public var baseImage: String?
        public var sinceCommit: String?

        public init() {}
    }

    public var fingerprint: FailureFingerprint
    public var count: Int
    public var firstMilliseconds: Int64
    public var lastMilliseconds: Int64
    /// The most frequent first.
    public var hosts: [Count]
    public var guestOSes: [Count]
    /// `debian12:8`
    public var lastBuild: String
    public var only = Only()

    /// - Parameter records: newest first.
    /// - Returns: the most frequent first.
    public static func groups(_ records: [FailureRecord]) -> [FailureGroup] {
        Dictionary(grouping: records, by: \.fingerprint.id).values.compactMap(FailureGroup.init)
            .sorted {
                ($1.count, $1.lastMilliseconds, $0.fingerprint.id)
                    < ($0.count, $0.lastMilliseconds, $1.fingerprint.id)
            }
    }

    /// - Parameter records: of one fingerprint, newest first.
    /// - Returns: `nil` if there are none.
    public init?(_ records: [FailureRecord]) {
        guard let newest = records.first, let oldest = records.last else { return nil }
        fingerprint = newest.fingerprint
        count = records.count
        firstMilliseconds = oldest.atMilliseconds
        lastMilliseconds = newest.atMilliseconds
        hosts = Self.counts(records.map(\.host))
        guestOSes = Self.counts(records.map(\.guestOS))
        lastBuild = "\(newest.guestOS):\(newest.number)"
    }

    private static func counts(_ names: [String]) -> [Count] {
        Dictionary(grouping: names) { $0 }.map { Count(name: $0.key, count: $0.value.count) }
            .sorted { ($1.count, $0.name) < ($0.count, $1.name) }
    }

    /// Compares the failures with builds of the same guest OS that passed.
    /// - Parameters:
    ///   - records: of one fingerprint and one guest OS, newest first.
    ///   - passed: newest first, with the hosts that made their images.
    public mutating func compare(_ records: [FailureRecord], passed: [Build]) {
        guard records.count > 1, let first = records.last else { return }
        let later = passed.filter { ($0.endedMilliseconds ?? 0) > first.atMilliseconds }
        func shared(_ value: (FailureRecord) -> String?) -> String? {
            let values = Set(records.map(value))
            return values.count == 1 ? values.first ?? nil : nil
        }
        // Something else must have passed meanwhile, or the others say nothing.
        if let host = shared({ $0.host }), !later.isEmpty,
            later.allSatisfy({ $0.host != nil && $0.host != host })
        {
            only.host = host
        }
        if let image = shared(\.baseImage) {
            let others = passed.compactMap(\.plan.baseImageName)
            if others.contains(where: { $0 != image }),
                !later.contains(where: { $0.plan.baseImageName == image })
            {
                only.baseImage = image
            }
        }
        if let commit = first.commit, later.isEmpty, let last = passed.first?.plan.commit,
            last != commit
        {
            only.sinceCommit = commit
        }
    }

    // MARK: For people

    /// `same first error 4 times since Tuesday, 3 of them on kvm7; only on base image a.img`
    public func words(at now: Int64) -> String {
        guard count > 1 else { return "this first error for the first time" }
        var text = "same first error \(count) times since \(Self.day(firstMilliseconds, at: now))"
        if let most = hosts.first {
            if hosts.count == 1 {
                text += ", all on \(most.name)"
            } else if most.count > 1 {
                text += ", \(most.count) of them on \(most.name)"
            } else {
                text += ", on \(hosts.count) hosts"
            }
        }
        if guestOSes.count > 1 { text += ", of \(guestOSes.count) guest OSes" }
        if let host = only.host { text += "; other hosts than \(host) built it meanwhile" }
        if let image = only.baseImage { text += "; only on base image \(image)" }
        if let commit = only.sinceCommit { text += "; only since commit \(commit.prefix(12))" }
        return text
    }

    private static let weekdays = [
        "Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday",
    ]

    /// In UTC. A weekday says which day only within a week.
    private static func day(_ moment: Int64, at now: Int64) -> String {
        let day: Int64 = 86_400_000
        let (then, today) = (moment / day, now / day)
        if then >= today { return "\(UTCTime(unixMilliseconds: moment).clock.prefix(5)) UTC" }
        if today - then < 7, then >= 0 { return weekdays[Int(then % 7)] }
        return UTCTime(unixMilliseconds: moment).date.iso
    }
}
