/// An image on an engine.
public struct EngineImage: Sendable, Decodable, Hashable {
    public var id: String
    /// `repository:tag`; `<none>:<none>` or nothing for an image pulled by digest.
    public var tags: [String]?
    /// `repository@sha256:…`
    public var digests: [String]?
    public var sizeBytes: Int64?

    private enum CodingKeys: String, CodingKey {
        case id = "Id"
        case tags = "RepoTags"
        case digests = "RepoDigests"
        case sizeBytes = "Size"
    }

    /// All names of the image in the repository of `reference`.
    public func names(inRepositoryOf reference: ImageReference) -> [String] {
        ((tags ?? []) + (digests ?? [])).filter { name in
            (try? ImageReference(name))?.isOfSameRepository(as: reference) ?? false
        }
    }
}
