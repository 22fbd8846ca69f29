public import BuildProtocol

/// How much is kept. Without a policy nothing is removed.
public struct RetentionPolicy: Sendable, Hashable, Codable {
    public enum Bounds {
        public static let goodImages = 1...100_000
        public static let failedDays = 0...36_500
        public static let unpublishedDays = 0...36_500
        public static let minimumFreeBytes: ClosedRange<Int64> = 0...1 << 50
        public static let auditDays = 1...36_500
        public static let historyDays = 1...36_500
    }

    /// How many of the newest images of a guest OS that passed are kept.
    @Bounded<CountBound> public var goodImages: Int
    /// How many days after their end the logs of builds that did not pass are kept.
    @Bounded<CountBound> public var failedDays: Int
    /// How many days after their end the images of builds are kept that are never published, such
    /// as those of merge requests.
    @Bounded<CountBound> public var unpublishedDays: Int
    /// If less is free on the web root, images are removed early; 0: never.
    @Bounded<ByteBound> public var minimumFreeBytes: Int64
    /// How many days entries of the audit log are kept.
    @Bounded<CountBound> public var auditDays: Int
    /// How many days after its end the rows of a build whose files are gone, and of a release that
    /// nothing can be rolled back to, are kept. Ten years by default: they are small, and
    /// statistics need them.
    @Bounded<CountBound> public var historyDays: Int

    public init(
        goodImages: Int = 10, failedDays: Int = 30, unpublishedDays: Int = 7,
        minimumFreeBytes: Int64 = 0,
        auditDays: Int = 730, historyDays: Int = 3_650
    ) {
        self.goodImages = goodImages
        self.failedDays = failedDays
        self.unpublishedDays = unpublishedDays
        self.minimumFreeBytes = minimumFreeBytes
        self.auditDays = auditDays
        self.historyDays = historyDays
    }

    private enum CodingKeys: String, CodingKey {
        case goodImages, failedDays, unpublishedDays, minimumFreeBytes, auditDays, historyDays
    }

    /// The policy that an older version stored lacks `unpublishedDays` and `historyDays`: it kept
    /// everything.
    public init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        _goodImages = try fields.decode(Bounded.self, forKey: .goodImages)
        _failedDays = try fields.decode(Bounded.self, forKey: .failedDays)
        _unpublishedDays =
            try fields.decodeIfPresent(Bounded.self, forKey: .unpublishedDays)
            ?? Bounded(wrappedValue: Bounds.unpublishedDays.upperBound)
        _minimumFreeBytes = try fields.decode(Bounded.self, forKey: .minimumFreeBytes)
        _auditDays = try fields.decode(Bounded.self, forKey: .auditDays)
        _historyDays =
            try fields.decodeIfPresent(Bounded.self, forKey: .historyDays)
            ?? Bounded(wrappedValue: Bounds.historyDays.upperBound)
    }

    /// Older entries of the audit log are removed.
    public func auditBegin(nowMilliseconds now: Int64) -> Int64 {
        now - Int64(auditDays) * Retention.dayMilliseconds
    }

    /// Older rows of the history are removed.
    public func historyBegin(nowMilliseconds now: Int64) -> Int64 {
        now - Int64(historyDays) * Retention.dayMilliseconds
    }

    /// What both policies remove.
    public func loosened(by other: RetentionPolicy) -> RetentionPolicy {
        RetentionPolicy(
            goodImages: max(goodImages, other.goodImages),
            failedDays: max(failedDays, other.failedDays),
            unpublishedDays: max(unpublishedDays, other.unpublishedDays),
            minimumFreeBytes: min(minimumFreeBytes, other.minimumFreeBytes),
            auditDays: max(auditDays, other.auditDays),
            historyDays: max(historyDays, other.historyDays))
    }
}
