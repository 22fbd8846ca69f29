/// Why a file cannot be read. The description is a complete message for people.
public struct SheetError: Error, Sendable, Hashable, CustomStringConvertible {
    public var description: String
    init(_ description: String) { self.description = description }
}
