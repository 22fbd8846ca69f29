import SheetKit
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
            ([0xFF, 0xFE, 0x61, 0x00], "UTF-16"),
            ([0x7F, 0x45, 0x4C, 0x46, 0x00], "not a spreadsheet"),
        ])
    func encodings(bytes: [UInt8], words: String) async throws {
        let error = await #expect(throws: SheetError.self) {
            try await reader.read(bytes, name: "a.csv")
        }
        #expect(error?.description.contains(words) == true, "\(error?.description ?? "")")
    }
}
