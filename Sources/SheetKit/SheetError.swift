/// Why a file cannot be read. The description is the whole message for a person.
public struct SheetError: Error, Sendable, Hashable, CustomStringConvertible {
    public var description: String
    init(_ description: String) { self.description = description }
}
