/// Checks of an unpacked template: it comes from a stranger's repository.
public enum TemplateTree {
    /// Whether a symbolic link stays within the tree it lies in, wherever other links of the tree
    /// lead: `..` is only allowed in front, where it climbs real folders. Behind a name it would
    /// climb from wherever that name, a link itself, leads.
    ///
    /// - Parameters:
    ///   - path: of the link, relative to the root of the tree.
    ///   - target: what it says.
    public static func isInside(link path: String, target: String) -> Bool {
        guard !target.hasPrefix("/") else { return false }
        let depth = path.split(separator: "/").count - 1
        let components = target.split(separator: "/").filter { $0 != "." }
        let climbs = components.prefix { $0 == ".." }.count
        return climbs <= depth && !components.dropFirst(climbs).contains("..")
    }
}
