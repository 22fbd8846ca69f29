import TextKit

/// A secret of this host that templates name: agent.yml says where it is, and who may use it.
public struct HostSecret: Sendable, Hashable, Codable {
    /// Absolute path.
    public var file: String
    /// Names of guest OSes, in which `*` stands for any text.
    public var guestOSes: [String]

    public init(file: String, guestOSes: [String]) {
        self.file = file
        self.guestOSes = guestOSes
    }

    public func isFor(_ guestOS: String) -> Bool {
        guestOSes.contains { Wildcards.matches(Wildcards.parts(of: $0), guestOS) }
    }
}
