public import BuildProtocol

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
