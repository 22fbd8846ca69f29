/// A file that an attempt made.
public struct Artifact: Sendable, Hashable, Codable {
    /// A plain file name (`Names.isFileName`), unique in its attempt.
    public var name: String
    @Bounded<ByteBound> public var sizeBytes: Int64
    public var sha256: String
    public var format: ImageFormat
    @OptionalBounded<ByteBound> public var virtualSizeBytes: Int64?
    /// SHA-256 of each `chunkSizeBytes`, in order. May end before the file does: the rest has to be
    /// transferred as a whole.
    public var chunkSHA256: [String]
    /// `nil`: `ProtocolLimits.artifactChunkBytes`.
    @OptionalBounded<ChunkBound> public var chunkBytes: Int64?
    /// What `artifacts` of the recipe declares it to be; `nil` if it does not name it.
    public var kind: ArtifactKind?
    /// `true` if `image` of the recipe names it.
    public var isImage: Bool?

    public init(
        name: String, sizeBytes: Int64, sha256: String, format: ImageFormat,
        virtualSizeBytes: Int64? = nil, chunkSHA256: [String] = [], chunkBytes: Int64? = nil,
        kind: ArtifactKind? = nil, isImage: Bool? = nil
    ) {
        self.name = name
        self.sizeBytes = sizeBytes
        self.sha256 = sha256
        self.format = format
        self.virtualSizeBytes = virtualSizeBytes
        self.chunkSHA256 = chunkSHA256
        self.chunkBytes = chunkBytes
        self.kind = kind
        self.isImage = isImage
    }
}
