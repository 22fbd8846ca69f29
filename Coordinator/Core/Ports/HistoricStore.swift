/// What the jobs of the original AIBuild report, while a team moves over: rows of its tables that
/// no build of this coordinator made. The part of the farm's memory that `Store` extends.
public protocol HistoricStore: Sendable {
    /// A build that another system made of the guest OS of this name, whether it is registered or
    /// not.
    func record(_ entry: BuildLogEntry, guestOS name: String) async throws
    /// The newest first.
    func buildLog(imageName: String, limit: Int) async throws -> [BuildLogEntry]
    func record(_ test: HistoricTest) async throws
    func record(_ release: HistoricRelease) async throws
}

/// A row of the historic table `test_log`.
public struct HistoricTest: Sendable, Hashable {
    public var id: String
    public var imageName: String
    public var caseName: String
    public var result: String
    public var testedMilliseconds: Int64

    public init(
        id: String, imageName: String, caseName: String, result: String, testedMilliseconds: Int64
    ) {
        self.id = id
        self.imageName = imageName
        self.caseName = caseName
        self.result = result
        self.testedMilliseconds = testedMilliseconds
    }
}

/// A row of the historic table `release_log`.
public struct HistoricRelease: Sendable, Hashable {
    public var id: String
    public var environment: String
    public var glanceID: String
    public var releasedMilliseconds: Int64

    public init(
        id: String, environment: String, glanceID: String, releasedMilliseconds: Int64
    ) {
        self.id = id
        self.environment = environment
        self.glanceID = glanceID
        self.releasedMilliseconds = releasedMilliseconds
    }
}
