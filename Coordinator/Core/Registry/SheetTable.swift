public import ErrorKit

/// The content of a spreadsheet file.
public struct SheetFile: Sendable, Hashable {
    public var tables: [SheetTable]
    /// What was ignored, for the user.
    public var notices: [String]
    /// A text file has one table, whose name is only that of the file.
    public var isText: Bool

    public init(tables: [SheetTable], notices: [String] = [], isText: Bool = false) {
        self.tables = tables
        self.notices = notices
        self.isText = isText
    }
}

/// One sheet, without its empty rows.
public struct SheetTable: Sendable, Hashable {
    public struct Row: Sendable, Hashable {
        /// As shown to users, from 1.
        public var number: Int
        public var values: [SheetValue]

        public init(number: Int, values: [SheetValue]) {
            self.number = number
            self.values = values
        }
    }

    public var name: String
    /// The letters of the columns: A, B …; at least as many as the longest row has values.
    public var columns: [String]
    public var rows: [Row]

    public init(name: String, columns: [String], rows: [Row]) {
        self.name = name
        self.columns = columns
        self.rows = rows
    }
}

public enum SheetValue: Sendable, Hashable {
    case empty
    case text(String)
    case number(Double)
    case bool(Bool)
    case date(String)
    /// There is no value, for this reason.
    case fault(String)
}

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
