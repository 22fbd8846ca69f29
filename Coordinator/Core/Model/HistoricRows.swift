public import BuildProtocol

/// A row of the historic table `build_log`. What is `nil` is NULL there.
public struct BuildLogEntry: Sendable, Hashable {
    public var id: String
    public var imageName: String
    public var guestOSID: String?
    public var guestOSName: String?
    /// `nil` also for a date that does not exist, such as MariaDB's zero date.
    public private(set) var builtMilliseconds: Int64?
    public var updateContents: String?
    public var getURL: String?

    public init(
        id: String, imageName: String, guestOSID: String? = nil, guestOSName: String? = nil,
        builtMilliseconds: Int64?, updateContents: String?, getURL: String?
    ) {
        self.id = id
        self.imageName = imageName
        self.guestOSID = guestOSID
        self.guestOSName = guestOSName
        self.builtMilliseconds = builtMilliseconds.map {
            Bounded<UnixTimeBound>(wrappedValue: $0).wrappedValue
        }
        self.updateContents = updateContents
        self.getURL = getURL
    }
}

/// The historic tables whose rows are found by name.
public enum HistoricKind: Sendable, CaseIterable {
    case guestOSes, environments, images
}

/// A row of the historic table `test_log`.
public struct HistoricTest: Sendable, Hashable {
    public var id: String
    public var imageName: String
    public var caseName: String
    public var result: String
    @Bounded<UnixTimeBound> public var testedMilliseconds: Int64

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
