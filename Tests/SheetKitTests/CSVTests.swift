import SheetKit
import TestSupport
import Testing

struct CSVTests {
    private let reader = SheetReader()

    private func rows(_ text: String, name: String = "guestos.csv") async throws -> [[Cell]] {
        try await reader.read(Array(text.utf8), name: name).sheets[0].rows.map(\.cells)
    }

    @Test(
        "The separator of a CSV file is found",
        arguments: [",", ";", "\t"])
    func separator(separator: String) async throws {
        let text = ["index,name,version", "1,\"a\(separator)b\",16.04", ",,", "\"x\"\"y\",,z"]
            .joined(separator: "\r\n")
        let cells = try await rows(text.replacing(",", with: separator))
        #expect(
            cells == [
                [.text("index"), .text("name"), .text("version")],
                [.text("1"), .text("a\(separator)b"), .text("16.04")],
                [.text("x\"y"), .empty, .text("z")],
            ])
    }

    @Test("A byte order mark and every kind of line end are accepted") func lineEnds() async throws
    {
        for end in ["\n", "\r\n", "\r"] {
            let book = try await reader.read(
                Array("\u{FEFF}a,b\(end)\(end)\"1\(end)2\",ü\(end)".utf8),
                name: "/home/x/guest.os.csv")
            #expect(book.sheets[0].name == "guest.os")
            #expect(book.isText)
            #expect(book.sheets[0].rows.map(\.number) == [1, 3])
            #expect(book.sheets[0].rows[1].cells == [.text("1\(end)2"), .text("ü")])
        }
    }

    /// `名称,版本` and a row, as programs in China save CSV.
    private static let chinese = "name,名称,版本\r\n镜像,a|b,更新€\r\n"

    @Test("Text in GBK and UTF-16 is detected, read and said", arguments: [0, 1, 2, 3, 4])
    func otherEncodings(kind: Int) async throws {
        let units = Array(Self.chinese.utf16)
        let little = units.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }
        let big = units.flatMap { [UInt8($0 >> 8), UInt8($0 & 0xFF)] }
        let bytes: [UInt8] =
            switch kind {
            case 0: [0xFF, 0xFE] + little
            case 1: [0xFE, 0xFF] + big
            case 2: Array("a,b,c,d,e,f\n".utf16).flatMap { [UInt8($0), 0] }
            case 3:
                try await Python.file(
                    "import sys; open(sys.argv[1], 'wb').write('name,名称,版本\\r\\n镜像,a|b,更新"
                        + "\\r\\n'.encode('gbk'))")
            default:
                try await Python.file(
                    "import sys; open(sys.argv[1], 'wb').write('name,名称,版本\\r\\n镜像,a|b,更新€"
                        + "\\r\\n'.encode('gb18030'))")
            }
        let book = try await reader.read(bytes, name: "guestos.csv")
        #expect(book.notices.count == 1)
        #expect(book.notices[0].contains(kind < 3 ? "text in UTF-16" : "text in GB 18030"))
        guard kind != 2 else { return #expect(book.sheets[0].rows[0].cells.count == 6) }
        let rows = book.sheets[0].rows.map(\.cells)
        #expect(rows[0] == [.text("name"), .text("名称"), .text("版本")])
        #expect(rows[1] == [.text("镜像"), .text("a|b"), .text(kind == 3 ? "更新" : "更新€")])
    }

    @Test(
        "A line that names the separator is obeyed and not counted",
        arguments: ["sep=;", "SEP=;", "\"sep=;\"", "\u{FEFF}sep=;"], ["\n", "\r\n"])
    func namedSeparator(line: String, end: String) async throws {
        let text = [line, "a;b,c,d", "1;2"].joined(separator: end)
        let rows = try await reader.read(Array(text.utf8), name: "a.csv").sheets[0].rows
        #expect(rows.map(\.number) == [1, 2])
        #expect(rows[0].cells == [.text("a"), .text("b,c,d")])
    }

    @Test("A CSV file named .xls is read, with a notice") func misnamed() async throws {
        let book = try await reader.read(Array("index,name\n1,a\n".utf8), name: "guestos.xls")
        #expect(book.sheets[0].rows.count == 2)
        #expect(book.notices == ["the file is named .xls but holds text; it was read as CSV"])
    }

    @Test(
        "A malformed file is refused with the place of the mistake",
        arguments: [
            ("a,\"b\nc", "row 1: a quotation mark is opened"),
            ("a\n\"b\"c,d", "row 2: text follows a closing quotation mark"),
            ("", "is empty"), ("<html><table>", "a web page or XML"),
        ])
    func malformed(text: String, words: String) async throws {
        let error = await #expect(throws: SheetError.self) { try await rows(text) }
        #expect(error?.description.contains(words) == true, "\(error?.description ?? "")")
    }

    @Test(
        "A file that is not UTF-8 text is refused",
        arguments: [
            ([0x61, 0x2C, 0xE4, 0x0A], "row 1, column B holds bytes that are not UTF-8"),
            ([0xFF, 0xFE, 0x61, 0x00, 0x0A], "UTF-16 and cut short"),
            ([0x63, 0x61, 0x66, 0xE9, 0x2C, 0x64, 0xE9, 0x6A], "row 1, column A holds bytes"),
            ([0x7F, 0x45, 0x4C, 0x46, 0x00], "not a spreadsheet"),
        ])
    func encodings(bytes: [UInt8], words: String) async throws {
        let error = await #expect(throws: SheetError.self) {
            try await reader.read(bytes, name: "a.csv")
        }
        #expect(error?.description.contains(words) == true, "\(error?.description ?? "")")
    }
}
