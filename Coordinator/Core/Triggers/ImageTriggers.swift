import TextKit

/// What starts builds of an image: `triggers` of `aibuild.yml`.
public struct ImageTriggers: Sendable, Hashable, Codable {
    /// When images are published and may be released.
    public enum Publish: String, Sendable, Codable, CaseIterable {
        /// Builds of the guest OS's own branch, and of tags.
        case always
        /// Only builds of tags; others are built and tested.
        case tags
    }

    /// Pushes to the branch that the guest OS is built from.
    public var push = true
    /// Patterns of other branches. Their images are tested, and neither published nor released.
    public var branches: [String] = []
    /// Patterns of tags.
    public var tags: [String] = []
    /// Merge requests to the branch that the guest OS is built from.
    public var mergeRequests = false
    /// Whether a newer push cancels the build of an older one that is still queued.
    public var supersede = false
    public var publish = Publish.always
    /// Variables of the builds that a trigger starts.
    public var variables: [BuildOrigin.Kind: VariableSet] = [:]
    /// What needs no Git server.
    public var timed = TriggerPlan()

    public init() {}

    public func isBuilt(branch: String) -> Bool { Self.matches(branches, branch) }
    public func isBuilt(tag: String) -> Bool { Self.matches(tags, tag) }

    private static func matches(_ patterns: [String], _ name: String) -> Bool {
        patterns.contains { Wildcards.matches(Wildcards.parts(of: $0), name) }
    }
}
