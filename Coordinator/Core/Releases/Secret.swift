/// A password or token. Its value never appears in descriptions or dumps.
public struct Secret: Sendable, Hashable, CustomStringConvertible, CustomReflectable {
    public let reveal: String

    public init(_ text: String) { reveal = text }

    public var description: String { "(secret)" }
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}
