/// A Glance, as discovery found it.
public struct ImageService: Sendable, Hashable {
    /// With the version, without a slash: `https://cloud:9292/v2`.
    public var url: String
    /// What the catalog, or the login, names instead of `url` and its address without a version;
    /// `nil` if it is one of them.
    public var otherURL: String?
    /// `v2.16` …; empty if Glance does not say.
    public var versions: [String]
}
