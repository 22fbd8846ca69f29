/// A Debian package of the agent, which a coordinator gives to new hosts.
public struct AgentPackage: Sendable, Hashable {
    /// The name of the file: `aibuild-agent_1.2.3-1_amd64.deb`.
    public var name: String
    public var path: String
    /// As dpkg writes them.
    public var version, architecture: String
    public var sizeBytes: Int64
    public var sha256: String

    public init(
        name: String, path: String, version: String, architecture: String, sizeBytes: Int64,
        sha256: String
    ) {
        self.name = name
        self.path = path
        self.version = version
        self.architecture = architecture
        self.sizeBytes = sizeBytes
        self.sha256 = sha256
    }

    /// Version and architecture of a file's name; `nil` if it is no package of the agent.
    public static func parts(of name: String) -> (version: String, architecture: String)? {
        guard name.hasPrefix("aibuild-agent_"), name.hasSuffix(".deb") else { return nil }
        let parts = name.dropLast(4).split(separator: "_", omittingEmptySubsequences: false)
        // A shell script names both.
        let isPlain = name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "A")...UInt8(ascii: "Z"):
                true
            default: "+-.:_~".utf8.contains(byte)
            }
        }
        guard isPlain, parts.count == 3, !parts[1].isEmpty, !parts[2].isEmpty else { return nil }
        return (String(parts[1]), String(parts[2]))
    }
}
