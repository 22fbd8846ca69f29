/// Which guest OS owns an image name in an environment: the first one that released under it, until
/// a person gives the name to another.
public struct ReleaseName: Sendable, Hashable {
    public var environment: String
    public var name: String
    public var guestOS: String
    /// The release that takes the name now. If it does not succeed, nobody owns the name. `nil`: a
    /// release has succeeded, or a person has decided.
    public var claimedBy: String?

    public init(environment: String, name: String, guestOS: String, claimedBy: String? = nil) {
        self.environment = environment
        self.name = name
        self.guestOS = guestOS
        self.claimedBy = claimedBy
    }

    /// The row after this claim.
    ///
    /// - Parameter known: the row before; `nil` if nobody owned the name.
    public func claiming(_ known: ReleaseName?) -> ReleaseName {
        guard let known, known.guestOS != guestOS || known.claimedBy == nil else { return self }
        return known
    }
}
