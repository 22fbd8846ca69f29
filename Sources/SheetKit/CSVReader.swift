/// Comma-separated text (RFC 4180) in UTF-8. Spreadsheets of many countries use `;`, and some
/// programs use tabs or bars: the most frequent of them in the first line is the separator, unless
/// a line `sep=;` before it names one, which programs do not show as a row.
enum CSVReader {
    static func read(
        _ bytes: [UInt8], name: String, _ limits: SheetLimits
    ) throws(SheetError) -> Workbook {
        let (separator, position) = named(bytes) ?? (separator(bytes), 0)
        var parser = Parser(bytes: bytes, position: position, separator: separator)
        var builder = SheetBuilder(limits)
        var row = 1
        while !parser.isAtEnd {
            var column = 0
            var isLast = false
            while !isLast {
                let (field, ends) = try parser.field(row: row)
                guard let text = String(validating: field, as: UTF8.self) else {
                    throw SheetError(
                        "row \(row), column \(CellName.column(column)) holds bytes that are not "
                            + "UTF-8: save the file as CSV in UTF-8")
                }
                try builder.add(text.isEmpty ? .empty : .text(text), row: row, column: column)
                column += 1
                isLast = ends
            }
            row += 1
        }
        try builder.endSheet(name)
        var book = builder.workbook()
        book.isText = true
        return book
    }

    /// The separator that a first line `sep=;` names, and where the next line begins.
    private static func named(_ bytes: [UInt8]) -> (separator: UInt8, end: Int)? {
        let quoted = bytes.first == Parser.quote
        let line = bytes.prefix { $0 != 10 && $0 != 13 }.dropFirst(quoted ? 1 : 0)
        guard String(decoding: line.prefix(4), as: UTF8.self).lowercased() == "sep=",
            let separator = line.dropFirst(4).first, line.count <= (quoted ? 6 : 5)
        else { return nil }
        let rest = bytes[line.endIndex...]
        let breaks = rest.starts(with: [13, 10]) ? 2 : min(rest.count, 1)
        return (separator, line.endIndex + breaks)
    }

    private static func separator(_ bytes: [UInt8]) -> UInt8 {
        var counts: [UInt8: Int] = [:]
        var isQuoted = false
        for byte in bytes {
            if byte == Parser.quote { isQuoted.toggle() }
            if isQuoted { continue }
            if byte == 10 || byte == 13 { break }
            counts[byte, default: 0] += 1
        }
        let candidates = [
            UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: "\t"), UInt8(ascii: "|"),
        ]
        // If counts are equal, the first: a comma if there is no separator.
        return candidates.reduce(candidates[0]) { best, next in
            counts[next, default: 0] > counts[best, default: 0] ? next : best
        }
    }

    private struct Parser {
        static let quote = UInt8(ascii: "\"")

        let bytes: [UInt8]
        var position: Int
        let separator: UInt8

        var isAtEnd: Bool { position >= bytes.count }

        /// - Returns: the field, and whether it was the last of its row.
        mutating func field(row: Int) throws(SheetError) -> ([UInt8], Bool) {
            guard position < bytes.count, bytes[position] == Self.quote else {
                let start = position
                while position < bytes.count, !isBreak(bytes[position]) { position += 1 }
                return (Array(bytes[start..<position]), endOfField())
            }
            var text: [UInt8] = []
            position += 1
            while true {
                guard position < bytes.count else {
                    throw SheetError("row \(row): a quotation mark is opened and never closed")
                }
                let byte = bytes[position]
                position += 1
                guard byte == Self.quote else {
                    text.append(byte)
                    continue
                }
                // A doubled quotation mark stands for one.
                guard position < bytes.count, bytes[position] == Self.quote else { break }
                text.append(byte)
                position += 1
            }
            guard position >= bytes.count || isBreak(bytes[position]) else {
                throw SheetError(
                    "row \(row): text follows a closing quotation mark; inside quotation marks "
                        + "write \"\" for \"")
            }
            return (text, endOfField())
        }

        private func isBreak(_ byte: UInt8) -> Bool {
            byte == separator || byte == 10 || byte == 13
        }

        /// Skips the end of the field.
        /// - Returns: whether the row ends there.
        private mutating func endOfField() -> Bool {
            guard position < bytes.count else { return true }
            let byte = bytes[position]
            position += 1
            if byte == 13, position < bytes.count, bytes[position] == 10 { position += 1 }
            return byte != separator
        }
    }
}
