/// How much is kept. Without a policy nothing is removed.
public struct RetentionPolicy: Sendable, Hashable, Codable {
    /// How many of the newest images of a guest OS that passed are kept.
    public var goodImages: Int
    /// How many days after their end the logs of builds that did not pass are kept.
    public var failedDays: Int
    /// If less is free on the web root, images are removed early; 0: never.
    public var minimumFreeBytes: Int64

    public init(goodImages: Int = 10, failedDays: Int = 30, minimumFreeBytes: Int64 = 0) {
        self.goodImages = goodImages
        self.failedDays = failedDays
        self.minimumFreeBytes = minimumFreeBytes
    }
}
