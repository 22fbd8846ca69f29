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
        guestOSes.contains { Self.matches($0, guestOS) }
    }

    private static func matches(_ pattern: String, _ name: String) -> Bool {
        let parts = pattern.utf8.split(
            separator: UInt8(ascii: "*"), omittingEmptySubsequences: false
        ).map(Array.init)
        guard let first = parts.first, let last = parts.last else { return false }
        var rest = Array(name.utf8)[...]
        if parts.count == 1 { return rest.elementsEqual(first) }
        guard rest.starts(with: first) else { return false }
        rest = rest.dropFirst(first.count)
        for part in parts.dropFirst().dropLast() where !part.isEmpty {
            guard let place = rest.firstRange(of: part) else { return false }
            rest = rest[place.upperBound...]
        }
        return rest.count >= last.count && rest.suffix(last.count).elementsEqual(last)
    }
}
