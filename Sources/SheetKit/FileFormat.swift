/// The format of a file, by its first bytes. Its name is not trusted.
enum FileFormat {
    /// The container of .xls, and of encrypted .xlsx.
    case compound
    /// The container of .xlsx and .ods.
    case zip
    case text

    init(_ bytes: [UInt8]) throws(SheetError) {
        if bytes.isEmpty { throw SheetError("the file is empty") }
        if bytes.starts(with: [0xD0, 0xCF, 0x11, 0xE0]) {
            self = .compound
        } else if bytes.starts(with: [0x50, 0x4B, 0x03, 0x04]) {
            self = .zip
        } else if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) {
            throw SheetError("the file is text in UTF-16; save it as CSV in UTF-8")
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
