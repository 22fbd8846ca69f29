public import BuildProtocol

/// The paths of an agent's state. Only computes paths; touches no file.
public struct StateFolder: Sendable, Hashable {
    /// Absolute, no slash at its end.
    public let root: String

    public init(_ root: String) { self.root = root }

    public static let standard = "/var/lib/aibuild-agent"

    /// Held by the one daemon of this folder.
    public var lock: String { root + "/lock" }
    public var socket: String { root + "/agent.sock" }
    public var templates: String { root + "/templates" }
    public var baseImages: String { root + "/base" }
    public var attempts: String { root + "/attempts" }
    /// Templates that are looked at before their builds are queued.
    public var checks: String { root + "/checks" }
    /// Held while one is looked at.
    public var checksLock: String { checks + "/lock" }
    /// What is being deleted. A rename into it is the moment of deletion.
    public var trash: String { root + "/trash" }
    /// The highest lease epoch of a coordinator so far.
    public var epoch: String { root + "/epoch" }
    public var probe: String { root + "/probe.json" }
    /// Homes and temporary folders of attempts without isolation, under short names.
    public var shortHomes: String { root + "/h" }
    public var shortTemporaries: String { root + "/t" }
    public func shortHome(_ name: String) -> String { "\(shortHomes)/\(name)" }
    public func shortTemporary(_ name: String) -> String { "\(shortTemporaries)/\(name)" }
    public var packerConfiguration: String { root + "/packer" }
    public var packerPlugins: String { packerConfiguration + "/plugins" }
    /// Which of the plugins there are the coordinator's.
    public var deliveredPlugins: String { root + "/plugins.json" }

    public var folders: [String] {
        [
            templates, baseImages, attempts, trash, packerConfiguration, packerPlugins,
            shortHomes, shortTemporaries,
        ]
    }

    /// `sha256` has been checked by `Names.isSHA256`.
    public func template(_ sha256: String) -> String { "\(templates)/\(sha256).tar" }

    public func attempt(_ token: AttemptToken) -> AttemptFolder {
        AttemptFolder(root: "\(attempts)/\(token)", token: token)
    }

    public func check(_ token: AttemptToken) -> AttemptFolder {
        AttemptFolder(root: "\(checks)/\(token)", token: token)
    }
}
