//! SheetKit: reads spreadsheets of other programs (.xls, .xlsx, .ods, .csv) and writes .xlsx. Files
//! are untrusted: every size is bounded (`SheetLimits`), nothing in a file is run or fetched, and
//! the format is detected from the content. It is independent of the meaning of the cells.

import Support

/// Reads and writes spreadsheets, one at a time, on a thread of its own: the C libraries block, and
/// two large files at once would only double the memory.
public actor SheetReader {
    private let limits: SheetLimits
    private let executor = QueueExecutor(label: "aibuild.sheets")

    public nonisolated var unownedExecutor: UnownedSerialExecutor {
        executor.asUnownedSerialExecutor()
    }

    public init(limits: SheetLimits = SheetLimits()) { self.limits = limits }

    /// - Parameter name: the file's name, for messages and as the name of a text file's one sheet.
    public func read(_ bytes: [UInt8], name: String) throws(SheetError) -> Workbook {
        guard bytes.count <= limits.fileBytes else {
            throw SheetError(
                "the file has \(bytes.count) bytes; at most \(limits.fileBytes) are read")
        }
        let (bytes, notice) = try TextEncoding.converted(bytes)
        switch try FileFormat(bytes) {
        case .compound: return try XLSReader.read(bytes, limits)
        case .zip:
            let archive = try ZipArchive(bytes, limits)
            return archive.isOpenDocument
                ? try ODSReader.read(archive, limits) : try XLSXReader.read(archive, limits)
        case .text:
            var book = try CSVReader.read(bytes, name: Self.stem(name), limits)
            if let notice { book.notices.append(notice) }
            let ending = name.lowercased().split(separator: ".").last ?? ""
            if ["xls", "xlsx", "xlsm", "ods"].contains(ending) {
                book.notices.append(
                    "the file is named .\(ending) but holds text; it was read as CSV")
            }
            return book
        }
    }

    /// The tables as an .xlsx file, every cell a text.
    public func write(_ sheets: [(name: String, rows: [[String]])]) throws(SheetError) -> [UInt8] {
        try XLSXWriter.write(sheets)
    }

    /// `guestos` of `/home/x/guestos.csv`.
    private static func stem(_ name: String) -> String {
        let file = name.split(separator: "/").last.map(String.init) ?? name
        guard let dot = file.lastIndex(of: "."), dot != file.startIndex else { return file }
        return String(file[..<dot])
    }
}
