import Glibc
import Support

/// A program to run, with an explicit environment.
public struct Command: Sendable, Hashable {
    /// The program first. Without a slash it is searched for in the `PATH` of `environment`.
    public var arguments: [String]
    /// The child's whole environment; nothing is inherited.
    public var environment: [String: String]
    /// `nil`: the parent's.
    public var workFolder: String?
    /// Start a session instead of only a process group, for programs that outlive their parent.
    public var isNewSession: Bool

    public init(
        _ arguments: [String], environment: [String: String], workFolder: String? = nil,
        isNewSession: Bool = false
    ) {
        self.arguments = arguments
        self.environment = environment
        self.workFolder = workFolder
        self.isNewSession = isNewSession
    }

    /// Enough to find the system's tools, and none of the parent's secrets.
    public static let minimalEnvironment = [
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "LANG": "C.UTF-8",
    ]

    /// The executable file that `name` refers to, or `nil`.
    public static func find(_ name: String, path: String) -> String? {
        if name.contains("/") { return isProgram(name) ? name : nil }
        for folder in path.split(separator: ":") where folder.hasPrefix("/") {
            let candidate = "\(folder)/\(name)"
            if isProgram(candidate) { return candidate }
        }
        return nil
    }

    private static func isProgram(_ path: String) -> Bool {
        var info = stat()
        guard stat(path, &info) == 0, info.st_mode & S_IFMT == S_IFREG else { return false }
        return access(path, X_OK) == 0
    }
}
