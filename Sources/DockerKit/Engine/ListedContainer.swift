/// A container as lists show it.
public struct ListedContainer: Sendable, Decodable, Hashable {
    public var id: String
    /// Each with a slash before it.
    public var names: [String]?
    public var imageID: String
    public var state: String?

    private enum CodingKeys: String, CodingKey {
        case id = "Id"
        case names = "Names"
        case imageID = "ImageID"
        case state = "State"
    }
}
