/// What of the API an address serves.
public enum Entrance: Sendable, Hashable {
    case whole
    /// How the coordinator does, without signing in: for the monitoring of a network that has an
    /// address of its own.
    case monitoring
    /// The web root alone: for a network that nobody administers from.
    case images

    static let monitored: Set<String> = ["/metrics", "/healthz", "/readyz"]

    /// Whether this is served here at all.
    func serves(_ path: String) -> Bool {
        switch self {
        case .whole: true
        case .monitoring: Self.monitored.contains(path)
        case .images: path.utf8.starts(with: "/images/".utf8)
        }
    }
}
