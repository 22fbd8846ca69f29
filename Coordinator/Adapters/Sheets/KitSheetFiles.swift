public import CoordinatorCore
import SheetKit

/// Spreadsheets by SheetKit.
public struct KitSheetFiles: SheetFiles {
    private let reader = SheetReader()

    public init() {}

    public func read(_ bytes: [UInt8], name: String) async throws -> SheetFile {
        do {
            let book = try await reader.read(bytes, name: name)
            return SheetFile(
                tables: book.sheets.map(Self.table), notices: book.notices, isText: book.isText)
        } catch { throw SheetFault(cause: error) }
    }

    public func write(_ sheets: [(name: String, rows: [[String]])]) async throws -> [UInt8] {
        do { return try await reader.write(sheets) } catch { throw SheetFault(cause: error) }
    }

    private static func table(_ sheet: Sheet) -> SheetTable {
        let width = sheet.rows.map(\.cells.count).max() ?? 0
        return SheetTable(
            name: sheet.name, columns: (0..<width).map { CellName.column($0) },
            rows: sheet.rows.map { .init(number: $0.number, values: $0.cells.map(value)) })
    }

    private static func value(_ cell: Cell) -> SheetValue {
        switch cell {
        case .empty: .empty
        case .text(let text): .text(text)
        case .number(let number): .number(number)
        case .bool(let value): .bool(value)
        case .date(let date): .date(date)
        case .error(let why): .fault(why)
        }
    }
}
