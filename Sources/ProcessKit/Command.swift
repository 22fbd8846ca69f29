import Glibc
import Support

/// A program to run, with everything it inherits said in so many words.
public struct Command: Sendable, Hashable {
    /// The program first. Without a slash it is looked for in the `PATH` of `environment`.
    public var arguments: [String]
    /// Exactly what the child gets; nothing is inherited.
    public var environment: [String: String]
    /// `nil`: the parent's.
    public var workFolder: String?
    /// Own session instead of only an own process group: for what must outlive its parent.
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

    /// What a program needs to find the system's tools, and nothing of the parent's secrets.
    public static let minimalEnvironment = [
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "LANG": "C.UTF-8",
    ]

    /// The executable file that `name` means, or `nil`.
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
