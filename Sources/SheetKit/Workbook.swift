@_exported public import ErrorKit

/// The content of a spreadsheet file.
public struct Workbook: Sendable, Hashable {
    public var sheets: [Sheet]
    /// What was ignored, for the user: macros, charts.
    public var notices: [String] = []
    /// A text file has one sheet without a name.
    public var isText = false

    init(sheets: [Sheet]) { self.sheets = sheets }
}

/// One table, without its empty rows.
public struct Sheet: Sendable, Hashable {
    public var name: String
    public var rows: [SheetRow]
}

public struct SheetRow: Sendable, Hashable {
    /// As shown to users, from 1.
    public var number: Int
    /// From column A to the last one that is not empty.
    public var cells: [Cell]
}

public enum Cell: Sendable, Hashable {
    case empty
    case text(String)
    case number(Double)
    case bool(Bool)
    /// `2018-11-28`, `2018-11-28 09:30:00` or `09:30:00`.
    case date(String)
    /// There is no value; the reason, or the program's own error (`#DIV/0!`).
    case error(String)

    /// A formula without a result, because the program that wrote the file did not calculate it.
    static let unsavedFormula = Cell.error(
        "a formula without a saved value: open and save the file in a spreadsheet program, or "
            + "write the value itself")
}

/// The format of a file, by its first bytes. Its name is not trusted.
enum FileFormat {
    /// The container of .xls, and of encrypted .xlsx.
    case compound
    /// The container of .xlsx and .ods.
    case zip
    case text

    private static let compoundMark: [UInt8] = [0xD0, 0xCF, 0x11, 0xE0]
    private static let zipMark: [UInt8] = [0x50, 0x4B, 0x03, 0x04]

    static func isContainer(_ bytes: [UInt8]) -> Bool {
        bytes.starts(with: compoundMark) || bytes.starts(with: zipMark)
    }

    /// - Parameter bytes: of a text file, in UTF-8 as `TextEncoding` gives it.
    init(_ bytes: [UInt8]) throws(SheetError) {
        if bytes.isEmpty { throw SheetError("the file is empty") }
        if bytes.starts(with: Self.compoundMark) {
            self = .compound
        } else if bytes.starts(with: Self.zipMark) {
            self = .zip
        } else if bytes.contains(0) {
            throw SheetError(
                "the file is not a spreadsheet of a known format; save it as .xlsx, .ods, .xls or "
                    + ".csv")
        } else if Self.isMarkup(bytes) {
            throw SheetError(
                "the file holds a web page or XML, whatever its name says; open it in a "
                    + "spreadsheet program and save it as .xlsx")
        } else {
            self = .text
        }
    }

    /// Programs write tables as HTML or flat XML and call them .xls.
    private static func isMarkup(_ bytes: [UInt8]) -> Bool {
        let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
        let text = bytes.dropFirst(bytes.starts(with: mark) ? 3 : 0)
        return text.first { ![9, 10, 13, 32].contains($0) } == UInt8(ascii: "<")
    }
}

/// Why a file cannot be read or written.
public typealias SheetError = CodedError<SheetErrorCode>

public enum SheetErrorCode: UsualFailureCode {
    case usual

    public var isPermanent: Bool { true }
}
