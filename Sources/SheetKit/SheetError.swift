/// Why a file cannot be read; the whole message for a person: what is wrong, where, what to do.
public struct SheetError: Error, Sendable, Hashable, CustomStringConvertible {
    public var description: String
    init(_ description: String) { self.description = description }
}
