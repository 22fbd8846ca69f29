import TextKit

/// Checks of the content of a template, which is untrusted.
public enum TemplateTree {
    /// Whether a symbolic link stays within its tree, wherever other links of the tree lead: `..`
    /// is allowed only at the beginning, where it climbs real folders. After a name, which may be a
    /// link itself, it would climb from wherever that leads.
    ///
    /// - Parameters:
    ///   - path: the path of the link, relative to the root of the tree.
    ///   - target: the target of the link.
    public static func isInside(link path: String, target: String) -> Bool {
        guard !target.isAbsolutePath else { return false }
        let depth = path.pathSegments.filter { !$0.isEmpty }.count - 1
        let components = target.pathSegments.filter { !$0.isEmpty && $0 != "." }
        let climbs = components.prefix { $0 == ".." }.count
        return climbs <= depth && !components.dropFirst(climbs).contains("..")
    }
}
