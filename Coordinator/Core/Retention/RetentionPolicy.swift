/// How much is kept. Nothing is removed where there is no policy.
public struct RetentionPolicy: Sendable, Hashable, Codable {
    /// The newest images of a guest OS that passed; older ones go.
    public var goodImages: Int
    /// The logs of builds that did not pass go so many days after their end.
    public var failedDays: Int
    /// With less free on the web root, images go before their time; 0: never.
    public var minimumFreeBytes: Int64

    public init(goodImages: Int = 10, failedDays: Int = 30, minimumFreeBytes: Int64 = 0) {
        self.goodImages = goodImages
        self.failedDays = failedDays
        self.minimumFreeBytes = minimumFreeBytes
    }
}
