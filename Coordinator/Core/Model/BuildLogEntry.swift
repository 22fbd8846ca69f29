public import BuildProtocol

/// A row of the historic table `build_log`.
public struct BuildLogEntry: Sendable, Hashable, Codable {
    public var id: String
    public var imageName: String
    public var guestOSID: String
    @Bounded<UnixTimeBound> public var builtMilliseconds: Int64
    public var updateContents: String
    public var getURL: String

    public init(
        id: String, imageName: String, guestOSID: String, builtMilliseconds: Int64,
        updateContents: String, getURL: String
    ) {
        self.id = id
        self.imageName = imageName
        self.guestOSID = guestOSID
        self.builtMilliseconds = builtMilliseconds
        self.updateContents = updateContents
        self.getURL = getURL
    }
}
