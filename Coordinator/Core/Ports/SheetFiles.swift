/// Reads and writes the spreadsheets that people fill in.
public protocol SheetFiles: Sendable {
    /// - Parameter name: the file's, for messages and as the name of the one sheet of a text file.
    /// - Throws: `SheetFault`
    func read(_ bytes: [UInt8], name: String) async throws -> SheetFile
    /// - Throws: `SheetFault`
    func write(_ sheets: [(name: String, rows: [[String]])]) async throws -> [UInt8]
}

/// The file cannot be read; the sentence says why and what to do.
public struct SheetFault: Error, Sendable, Hashable, CustomStringConvertible {
    public var description: String
    public init(_ description: String) { self.description = description }
}
