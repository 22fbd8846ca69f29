/// A test case for every guest OS of a type: a row of the historic table `testcases`.
public struct TestCase: Sendable, Hashable, Codable {
    public var id: String
    public var name: String
    public var osType: OSType

    public init(id: String, name: String, osType: OSType) {
        self.id = id
        self.name = name
        self.osType = osType
    }
}
