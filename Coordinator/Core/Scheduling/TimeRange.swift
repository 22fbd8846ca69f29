import TextKit

/// When something is expected: in nine of ten ways in which the farm may go on.
public struct TimeRange: Sendable, Hashable, Encodable {
    /// The builds that show how long it takes.
    public struct Basis: Sendable, Hashable, Encodable {
        public var builds: Int
        /// `debian12`, `debian12 on kvm7`, `debian12 and arch`, `5 guest OSes`
        public var of: String

        public init(builds: Int, of: String) {
            self.builds = builds
            self.of = of
        }

        /// `31 builds of debian12`
        public var words: String { "\(builds) \(builds == 1 ? "build" : "builds") of \(of)" }
    }

    public var fromMilliseconds, toMilliseconds: Int64
    /// `nil` if no history was needed: a host is free, or the time is set.
    public var basis: Basis?

    public init(fromMilliseconds: Int64, toMilliseconds: Int64, basis: Basis? = nil) {
        self.fromMilliseconds = fromMilliseconds
        self.toMilliseconds = toMilliseconds
        self.basis = basis
    }

    private enum Key: String, CodingKey { case from, to, basis }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        func text(_ moment: Int64) -> String {
            UTCTime(unixMilliseconds: moment).rfc3339Milliseconds
        }
        try container.encode(text(fromMilliseconds), forKey: .from)
        try container.encode(text(toMilliseconds), forKey: .to)
        try container.encodeIfPresent(basis, forKey: .basis)
    }
}

/// A range, or why there is none.
public enum Expected: Sendable, Hashable {
    /// - Parameter seconds: until the middle of the range.
    case range(TimeRange, seconds: Int)
    case unknown(String)

    public var range: TimeRange? {
        if case .range(let range, _) = self { range } else { nil }
    }
}
