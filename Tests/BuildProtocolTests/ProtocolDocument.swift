import Support

/// PROTOCOL.md, read as what it promises: its examples are the golden lines of these tests.
struct ProtocolDocument {
    private let lines: [String]

    init() throws {
        let here = #filePath.split(separator: "/", omittingEmptySubsequences: false)
        let path = here.dropLast(3).joined(separator: "/") + "/Protocol/PROTOCOL.md"
        let bytes = try Files.read(path, limitBytes: 1 << 20)
        lines = String(decoding: bytes, as: UTF8.self)
            .split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    }

    /// The fenced blocks marked "```json KIND", each as its lines.
    func blocks(_ kind: String) -> [[String]] {
        var found: [[String]] = []
        var current: [String]?
        for line in lines {
            if line == "```json \(kind)" {
                current = []
            } else if line == "```", let block = current {
                found.append(block)
                current = nil
            } else {
                current?.append(line)
            }
        }
        return found
    }

    /// Examples are broken into lines for the reader; on the wire they are one.
    func messages(_ kind: String) -> [[UInt8]] {
        blocks(kind).map { Array($0.joined().utf8) }
    }

    /// Rows of the table below the heading, cell by cell, without its head.
    func table(under heading: String) -> [[String]] {
        guard let start = lines.firstIndex(of: heading) else { return [] }
        let section = lines[(start + 1)...].prefix { !$0.hasPrefix("## ") }
        return section.filter { $0.hasPrefix("|") }.dropFirst(2).map { row in
            row.split(separator: "|", omittingEmptySubsequences: false).dropFirst().dropLast()
                .map { String($0).trimmingPrefix(while: { $0 == " " }).description }
                .map { cell in String(cell.reversed().drop { $0 == " " }.reversed()) }
        }
    }

    /// The words in back quotes.
    static func words(_ cell: String) -> [String] {
        cell.split(separator: " ").filter { $0.hasPrefix("`") && $0.hasSuffix("`") }
            .map { String($0.dropFirst().dropLast()) }
    }
}
