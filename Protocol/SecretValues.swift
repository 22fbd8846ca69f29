/// Values of secrets, by their names. No description shows them.
public struct SecretValues: Sendable, Hashable, Codable, CustomStringConvertible, CustomReflectable
{
    public var values: [String: String]

    public init(_ values: [String: String]) { self.values = values }

    public var description: String { "(secrets \(values.keys.sorted().joined(separator: ", ")))" }
    public var customMirror: Mirror { Mirror(self, children: [:]) }

    public init(from decoder: any Decoder) throws {
        values = try [String: String](from: decoder)
    }

    public func encode(to encoder: any Encoder) throws { try values.encode(to: encoder) }
}
