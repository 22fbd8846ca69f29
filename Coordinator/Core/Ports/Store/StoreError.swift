/// Why the store refused a call or could not answer it.
public enum StoreError: Error, Sendable, Hashable {
    /// The name is taken.
    case exists(what: String, name: String)
    case notFound(what: String, name: String)
    /// The database cannot be used now; the sentence says why and what to do.
    case unavailable(String)
    /// Another coordinator leads; nothing was changed.
    case deposed(Lease)
}

extension StoreError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .exists(let what, let name): "there is a \(what) named '\(name)' already"
        case .notFound(let what, let name): "there is no \(what) named '\(name)'"
        case .unavailable(let why): why
        case .deposed(let lease):
            "another coordinator leads: \(lease.url) (epoch \(lease.epoch))"
        }
    }
}
