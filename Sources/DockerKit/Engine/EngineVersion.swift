/// Version and platform of an engine.
public struct EngineVersion: Sendable, Decodable {
    public var version = ""
    public var apiVersion = ""
    public var minAPIVersion: String?
    public var operatingSystem: String?
    public var architecture: String?

    private enum CodingKeys: String, CodingKey {
        case version = "Version"
        case apiVersion = "ApiVersion"
        case minAPIVersion = "MinAPIVersion"
        case operatingSystem = "Os"
        case architecture = "Arch"
    }
}
