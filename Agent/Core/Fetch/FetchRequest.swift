/// line is for everybody to read.
public struct FetchRequest: Sendable, Hashable, Codable {
    public var url: String
    /// The file that grows.
    public var part: String
    /// Bytes of it that are there already.
    public var offsetBytes: Int64
    public var limitBytes: Int64
    public var connectSeconds: Int
    public var stallSeconds: Int
    /// The entity tag of what is cached: the server says 304 if its file is still the same.
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
