public import BuildProtocol

/// A row of the historic table `release_log`.
public struct HistoricRelease: Sendable, Hashable {
    public var id: String
    public var environment: String
    public var glanceID: String
    @Bounded<UnixTimeBound> public var releasedMilliseconds: Int64

    public init(
        id: String, environment: String, glanceID: String, releasedMilliseconds: Int64
    ) {
        self.id = id
        self.environment = environment
        self.glanceID = glanceID
        self.releasedMilliseconds = releasedMilliseconds
    }
}
