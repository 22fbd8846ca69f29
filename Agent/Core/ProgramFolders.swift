/// Where the programs of an attempt find its folders. The paths are short, however deep the state
/// folder is: programs make sockets below them, and the path of a Unix socket has at most 107
/// bytes. With `HOME` in the attempt's own folder, Ansible's connections took 109.
public struct ProgramFolders: Sendable, Hashable {
    public let work: String
    public let output: String
    public let temporary: String
    public let home: String

    /// Those of the agent itself: the real ones.
    public init(_ folder: AttemptFolder) {
        (work, output) = (folder.work, folder.output)
        (temporary, home) = (folder.temporary, folder.home)
    }

    public init(_ order: AttemptOrder, _ folder: AttemptFolder) {
        if order.isolation != nil {
            let inside = Self.inside
            (work, output) = (inside.work + folder.inner, inside.output)
            (temporary, home) = (inside.temporary, inside.home)
            return
        }
        let state = StateFolder(order.stateFolder)
        (work, output) = (folder.work, folder.output)
        temporary = order.shortName.map { state.shortTemporary($0) } ?? folder.temporary
        home = order.shortName.map { state.shortHome($0) } ?? folder.home
    }

    private init(work: String, output: String, temporary: String, home: String) {
        (self.work, self.output, self.temporary, self.home) = (work, output, temporary, home)
    }

    /// In a sandbox, where `/tmp` is the attempt's.
    public static let inside = ProgramFolders(
        work: "/aib/work", output: "/aib/output", temporary: "/tmp", home: "/aib/home")

    /// `outdir` of Packer templates.
    public var packerOutput: String { "\(output)/\(Self.packerOutputName)" }
    public static let packerOutputName = "packer"

    /// A path that a program named, as the agent finds it.
    public func real(_ path: String, in folder: AttemptFolder) -> String {
        let places = [
            (work, folder.work), (output, folder.output), (home, folder.home),
            (temporary, folder.temporary),
        ]
        for (seen, real) in places where path == seen || path.hasPrefix(seen + "/") {
            return real + String(Substring(path.utf8.dropFirst(seen.utf8.count)))
        }
        return path
    }
}
