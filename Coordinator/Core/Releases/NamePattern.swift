import BuildProtocol
import TextKit

/// A pattern of names: `*` stands for any text, `{guestos}` for the name of the guest OS.
public struct NamePattern: Sendable, Hashable {
    public let text: String

    public init(_ text: String) { self.text = text }

    /// Matches every name.
    public static let anything = NamePattern("*")

    private static let guestOS = Array("{guestos}".utf8)

    /// Whether the name of some guest OS could match it.
    var mayMatchGuestOS: Bool {
        let fixed = text.filter { $0 != "*" }
        // Before it, any beginning would do.
        return fixed.isEmpty || Names.registeredProblem("a" + fixed) == nil
    }

    /// Whether its braces are those of `{guestos}`.
    var hasKnownPlaceholders: Bool {
        let rest = text.replacing("{guestos}", with: "")
        return !rest.utf8.contains { $0 == UInt8(ascii: "{") || $0 == UInt8(ascii: "}") }
    }

    /// Compares byte by byte. A `*` in the name of a guest OS stands for itself.
    public func matches(_ name: String, guestOS: String) -> Bool {
        let parts = Wildcards.parts(of: text).map {
            $0.replacing(Self.guestOS, with: Array(guestOS.utf8))
        }
        return Wildcards.matches(parts, name)
    }
}

extension NamePattern: Codable {
    public init(from decoder: any Decoder) throws {
        text = try decoder.singleValueContainer().decode(String.self)
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }
}
