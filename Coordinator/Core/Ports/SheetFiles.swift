public import ErrorKit

/// Reads and writes the spreadsheets that people fill in.
public protocol SheetFiles: Sendable {
    /// - Parameter name: the file's name, for messages and as the name of a text file's one sheet.
    /// - Throws: `SheetFault`
    func read(_ bytes: [UInt8], name: String) async throws -> SheetFile
    /// - Throws: `SheetFault`
    func write(_ sheets: [(name: String, rows: [[String]])]) async throws -> [UInt8]
}

/// Why a file cannot be read or written, and what to do.
public typealias SheetFault = CodedError<SheetFaultCode>

public enum SheetFaultCode: UsualFailureCode {
    case usual

    public var isPermanent: Bool { true }
}
