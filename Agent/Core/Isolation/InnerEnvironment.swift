/// The environment of an isolated program on its way through bubblewrap, which runs outside: what
/// is set for the program must not act on bubblewrap itself, as `LD_PRELOAD` would.
public enum InnerEnvironment {
    private static let prefix = "AIBUILD_INSIDE_"

    /// What bubblewrap gets: names that templates cannot choose as they are, all others disguised.
    public static func wrapped(_ environment: [String: String]) -> [String: String] {
        Dictionary(
            uniqueKeysWithValues: environment.map { name, value in
                (isAgents(name) ? name : prefix + name, value)
            })
    }

    /// What the agent's own helpers outside get.
    public static func outer(_ environment: [String: String]) -> [String: String] {
        environment.filter { isAgents($0.key) }
    }

    /// The name of a disguised variable; `nil` for others.
    public static func unwrapped(_ name: String) -> String? {
        name.utf8.starts(with: prefix.utf8)
            ? String(Substring(name.utf8.dropFirst(prefix.utf8.count))) : nil
    }

    private static func isAgents(_ name: String) -> Bool {
        name == "PATH" || name.utf8.starts(with: "AIBUILD_".utf8)
    }
}
