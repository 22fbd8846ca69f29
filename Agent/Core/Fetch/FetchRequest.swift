/// A request to `aibuild-fetch`, passed in a file: a URL may hold a password, and anyone can read a
/// command line.
public struct FetchRequest: Sendable, Hashable, Codable {
    public var url: String
    /// The file that is appended to.
    public var part: String
    /// Bytes of it that exist already.
    public var offsetBytes: Int64
    public var limitBytes: Int64
    public var connectSeconds: Int
    public var stallSeconds: Int
    /// The entity tag of the cached file, with which the server may answer 304.
    public var knownTag: String?

    public init(
        url: String, part: String, offsetBytes: Int64, limitBytes: Int64, connectSeconds: Int,
        stallSeconds: Int, knownTag: String? = nil
    ) {
        self.url = url
        self.part = part
        self.offsetBytes = offsetBytes
        self.limitBytes = limitBytes
        self.connectSeconds = connectSeconds
        self.stallSeconds = stallSeconds
        self.knownTag = knownTag
    }
}
