/// Which files of the host a template may name as its base image: those that are no secret. The
/// agent's own user can read more, such as the attempts of others.
public struct LocalImageRule: Sendable, Hashable {
    private let isolation: Isolation
    private let closed: [String]

    /// - Parameter stateFolder: the agent's, resolved.
    public init(_ isolation: Isolation, stateFolder: String) {
        self.isolation = isolation
        closed = [stateFolder, "/proc", "/sys", "/dev"] + isolation.hidden
    }

    /// - Parameters:
    ///   - path: resolved, so that no link leads past the rule.
    ///   - mode: the permissions of the file.
    public func allows(_ path: String, mode: UInt32) -> Bool {
        let isBelow = { (folder: String) in path.hasPrefix(folder + "/") || path == folder }
        if closed.contains(where: isBelow) { return false }
        return mode & 0o004 != 0
            || (isolation.readOnly + isolation.readWrite).contains(where: isBelow)
    }
}
