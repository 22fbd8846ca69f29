import Support

/// The file of the running agent.
enum OwnProgram {
    /// The suffix in the path of a program whose file was replaced by an upgrade.
    private static let replaced = " (deleted)"

    /// Its path, which after an upgrade is that of the new one.
    static var path: String {
        var path = Links.target("/proc/self/exe")
        if path.hasSuffix(replaced) { path.removeLast(replaced.count) }
        return path
    }

    /// `aibuild-fetch`, which is installed beside it.
    static var fetch: String { Files.folder(of: path) + "/aibuild-fetch" }
}
