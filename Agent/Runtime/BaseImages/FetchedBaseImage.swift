/// A base image on this host's disk.
struct FetchedBaseImage: Sendable, Hashable {
    var path: String
    /// The digest that the template requires, if any.
    var sha256: String?
}
