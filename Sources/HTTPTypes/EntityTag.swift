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
        listed.split(separator: ",").contains { item in
            var text = item.drop { $0 == " " || $0 == "\t" }
            while text.last == " " || text.last == "\t" { text.removeLast() }
            if text == "*" { return true }
            if text.hasPrefix("W/") { text = text.dropFirst(2) }
            return text == description
        }
    }

    /// For `If-Range`: exactly this tag. A weak tag or a date does not prove equal bytes.
    public func matchesStrongly(_ tag: String) -> Bool { tag == description }
}

extension EntityTag: CustomStringConvertible {
    /// With its quotes, as in the header `ETag`.
    public var description: String { "\"\(opaque)\"" }
}
