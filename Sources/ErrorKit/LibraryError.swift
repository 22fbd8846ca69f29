/// What a C library reported, in its own words.
public struct LibraryError: Error, Hashable, CustomStringConvertible {
    public var library: String
    public var code: Int
    public var message: String

    public init(_ library: String, code: some BinaryInteger, _ message: String) {
        self.library = library
        self.code = Int(clamping: code)
        self.message = message
    }

    public var description: String { "\(message) (\(library), error \(code))" }
}
