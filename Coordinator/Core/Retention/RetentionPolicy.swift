public import BuildProtocol

/// How much is kept. Without a policy nothing is removed.
public struct RetentionPolicy: Sendable, Hashable, Codable {
    public enum Bounds {
        public static let goodImages = 1...100_000
        public static let failedDays = 0...36_500
        public static let minimumFreeBytes: ClosedRange<Int64> = 0...1 << 50
        public static let auditDays = 1...36_500
    }

    /// How many of the newest images of a guest OS that passed are kept.
    @Bounded<CountBound> public var goodImages: Int
    /// How many days after their end the logs of builds that did not pass are kept.
    @Bounded<CountBound> public var failedDays: Int
    /// If less is free on the web root, images are removed early; 0: never.
    @Bounded<ByteBound> public var minimumFreeBytes: Int64
    /// How many days entries of the audit log are kept.
    @Bounded<CountBound> public var auditDays: Int

    public init(
        goodImages: Int = 10, failedDays: Int = 30, minimumFreeBytes: Int64 = 0,
        auditDays: Int = 730
    ) {
        self.goodImages = goodImages
        self.failedDays = failedDays
        self.minimumFreeBytes = minimumFreeBytes
        self.auditDays = auditDays
    }

    /// Older entries of the audit log are removed.
    public func auditBegin(nowMilliseconds now: Int64) -> Int64 {
        now - Int64(auditDays) * Retention.dayMilliseconds
    }

    /// What both policies remove.
    public func loosened(by other: RetentionPolicy) -> RetentionPolicy {
        RetentionPolicy(
            goodImages: max(goodImages, other.goodImages),
            failedDays: max(failedDays, other.failedDays),
            minimumFreeBytes: min(minimumFreeBytes, other.minimumFreeBytes),
            auditDays: max(auditDays, other.auditDays))
    }
}
