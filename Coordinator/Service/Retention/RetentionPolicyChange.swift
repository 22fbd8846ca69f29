import CoordinatorCore

/// Parts of a policy that somebody asks about; `nil`: as it is configured.
public struct RetentionPolicyChange: Sendable, Hashable {
    public var goodImages, failedDays, unpublishedDays, auditDays, historyDays: Int?
    public var minimumFreeBytes: Int64?

    public init(
        goodImages: Int? = nil, failedDays: Int? = nil, unpublishedDays: Int? = nil,
        minimumFreeBytes: Int64? = nil, auditDays: Int? = nil, historyDays: Int? = nil
    ) {
        self.goodImages = goodImages
        self.failedDays = failedDays
        self.unpublishedDays = unpublishedDays
        self.minimumFreeBytes = minimumFreeBytes
        self.auditDays = auditDays
        self.historyDays = historyDays
    }

    var isEmpty: Bool { self == RetentionPolicyChange() }

    func applied(to policy: RetentionPolicy) -> RetentionPolicy {
        RetentionPolicy(
            goodImages: goodImages ?? policy.goodImages,
            failedDays: failedDays ?? policy.failedDays,
            unpublishedDays: unpublishedDays ?? policy.unpublishedDays,
            minimumFreeBytes: minimumFreeBytes ?? policy.minimumFreeBytes,
            auditDays: auditDays ?? policy.auditDays,
            historyDays: historyDays ?? policy.historyDays)
    }
}
