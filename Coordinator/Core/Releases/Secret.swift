/// A password or token on its way from the store to where it is used. It does not print itself.
public struct Secret: Sendable, Hashable, CustomStringConvertible, CustomReflectable {
    public let reveal: String

    public init(_ text: String) { reveal = text }

    public var description: String { "(secret)" }
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}
