/// A container in a list.
public struct ListedContainer: Sendable, Decodable, Hashable {
    public var id: String
    /// Each with a leading slash.
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
