/// What a request needs its sender to be allowed. Every route names one; see `RouteNeeds`.
public enum Right: String, Sendable, Hashable, Codable, CaseIterable {
    /// Read everything that is no secret.
    case view
    /// Submit, cancel and repeat builds, handle deliveries again.
    case build
    /// Register and change guest OSes and test cases.
    case catalog
    /// Drain hosts, and let them work again.
    case hosts
    /// Release images, approve releases, roll them back.
    case release
    /// Hosts, environments, secrets, retention, accounts.
    case administer

    /// Whether what it allows concerns all guest OSes alike.
    public var isOfWholeFarm: Bool { self == .hosts || self == .administer }
}

/// What a principal may do, in steps: each role has the rights of those before it.
public enum Role: String, Sendable, Hashable, Codable, CaseIterable {
    case viewer
    case `operator`
    case releaseManager = "release-manager"
    case administrator

    public var rights: Set<Right> {
        switch self {
        case .viewer: [.view]
        case .operator: [.view, .build, .catalog, .hosts]
        case .releaseManager: [.view, .build, .catalog, .hosts, .release]
        case .administrator: Set(Right.allCases)
        }
    }
}
