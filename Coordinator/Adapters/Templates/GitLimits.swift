/// What a Git server can make the coordinator wait for and store, each with its reason.
public struct GitLimits: Sendable {
    /// The fetch of a large repository over a slow link.
    public var seconds = 300
    /// Without a byte of an answer. A server that is still counting objects says so every 5 s.
    public var stallSeconds = 60
    /// Of a pack or any other file that a fetch writes: repositories of templates have megabytes,
    /// and some have images in their history.
    public var fileBytes: Int64 = 8 << 30
    /// Of a list: the names of 100,000 files.
    public var outputBytes = 16 << 20
    /// Files of Git LFS that a mirror keeps for the next commit; more are fetched again.
    public var keptLFSBytes: Int64 = 1 << 30
    /// Of one template, those of submodules included: each costs a fetch.
    public var submodules = 64
    public var submoduleDepth = 8

    public init() {}
}
