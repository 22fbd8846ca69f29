/// The entity tag of a representation (RFC 9110 section 8.8.3).
public struct EntityTag: Sendable, Hashable {
    private let opaque: String

    /// A strong tag. Invalid characters are left out.
    public init(_ opaque: String) {
        self.opaque = String(
            opaque.unicodeScalars.filter { $0.value > 0x20 && $0.value < 0x7F && $0 != "\"" }
                .map(Character.init))
    }

    /// For `If-None-Match`: a list of tags, weak or not, or `*`.
    public func matchesWeakly(listed: String) -> Bool {
        Self.items(listed).contains { $0 == "*" || $0 == description || $0 == "W/" + description }
    }

    /// For `If-Match`: a list of tags, or `*`. A weak tag does not prove equal bytes.
    public func matchesStrongly(listed: String) -> Bool {
        Self.items(listed).contains { $0 == "*" || $0 == description }
    }

    private static func items(_ list: String) -> [String] {
        list.split(separator: ",").map { item in
            var text = item.drop { $0 == " " || $0 == "\t" }
            while text.last == " " || text.last == "\t" { text.removeLast() }
            return String(text)
        }
    }

    /// For `If-Range`: exactly this tag. A weak one does not prove equal bytes.
    public func matchesStrongly(_ tag: String) -> Bool { tag == description }
}

extension EntityTag: CustomStringConvertible {
    /// With its quotes, as in the header `ETag`.
    public var description: String { "\"\(opaque)\"" }
}
