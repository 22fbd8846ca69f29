/// A registry that receives images as OCI containerDisks, which KubeVirt boots. The secret is the
/// password.
public struct RegistrySettings: Sendable, Hashable, Codable {
    /// `https://registry.example.com`, without a path.
    public var url: String
    /// `images/{guestos}`: `{guestos}` stands for the guest OS's name.
    public var repository: String
    /// The tag that moves to the newest image; each image also has its own name as tag.
    public var tag: String
    /// `nil`: the registry requires no login.
    public var username: String?
    /// PEM file of the authorities that sign its certificate; `nil`: the system's.
    public var caFile: String?
    /// `nil`: unchanged.
    public var format: ReleaseFormat?

    public init(
        url: String, repository: String = "{guestos}", tag: String = "latest",
        username: String? = nil, caFile: String? = nil, format: ReleaseFormat? = nil
    ) {
        self.url = url
        self.repository = repository
        self.tag = tag
        self.username = username
        self.caFile = caFile
        self.format = format
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case url, repository, tag, username, caFile, format
    }

    /// Missing keys get the defaults of `init`.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init(url: try container.decode(String.self, forKey: .url))
        try container.replace(&repository, .repository)
        try container.replace(&tag, .tag)
        username = try container.decodeIfPresent(String.self, forKey: .username)
        caFile = try container.decodeIfPresent(String.self, forKey: .caFile)
        format = try container.word(ReleaseFormat.self, .format)
    }
}
