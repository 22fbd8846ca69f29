import SheetKit
import Support
import TestSupport
import Testing

/// Files written by openpyxl, and by the kit itself.
@Suite(.timeLimit(.minutes(5))) struct XLSXTests {
    private let reader = SheetReader()

    @Test("Every kind of cell of an XLSX file is read") func cells() async throws {
        let bytes = try await Python.file(
            """
            import sys, datetime, openpyxl
            book = openpyxl.Workbook()
            s = book.active
            s.title = 'guestos & more'
            s.append(['index', ' 镜像 ü ', 'a\\nb'])
            s.append([16.04, 7, 1804.0, True, False])
            s['A4'] = datetime.date(2018, 11, 28)
            s['B4'] = datetime.datetime(2018, 11, 28, 9, 30)
            s['C4'] = datetime.time(9, 30)
            s['D4'] = 16.04
            s['D4'].number_format = '[Red]"day" 0.00'
            s['E4'] = 43432
            s['E4'].number_format = '[$-407]d. mmm yyyy'
            s['A5'] = '=1+1'
            s['B5'] = '#DIV/0!'
            s['C5'].data_type = 'e'
            s.merge_cells('B10:C11')
            s['B10'] = 'merged'
            s['A1000000'] = 'far down'
            book.create_sheet('empty')
            book.create_chartsheet('chart')
            book.save(sys.argv[1])
            """)
        let book = try await reader.read(bytes, name: "a.xlsx")
        #expect(book.sheets.map(\.name) == ["guestos & more", "empty"])
        let rows = book.sheets[0].rows
        #expect(rows.map(\.number) == [1, 2, 4, 5, 10, 1_000_000])
        #expect(rows[0].cells == [.text("index"), .text(" 镜像 ü "), .text("a\nb")])
        #expect(
            rows[1].cells == [
                .number(16.04), .number(7), .number(1804), .bool(true), .bool(false),
            ])
        #expect(
            rows[2].cells == [
                .date("2018-11-28"), .date("2018-11-28 09:30:00"), .date("09:30:00"),
                .number(16.04), .date("2018-11-28"),
            ])
        guard case .error(let why) = rows[3].cells[0] else { throw Failure("no error") }
        #expect(why.contains("formula without a saved value"))
        #expect(rows[3].cells[1] == .error("#DIV/0!"))
        #expect(rows[4].cells == [.empty, .text("merged")])
    }

    /// As other programs write them: inline and rich texts, values of formulas, places left out.
    @Test("Prefixes, inline strings and absolute paths of other programs are read")
    func dialects() async throws {
        let bytes = try await Python.file(
            Self.patching(
                """
                sheet = '''<?xml version="1.0"?>
                <x:worksheet xmlns:x="http://schemas.openxmlformats.org/spreadsheetml/2006/main">
                <x:sheetData><x:row><x:c t="inlineStr"><x:is><x:r><x:t>in</x:t></x:r><x:r>
                <x:t>line</x:t></x:r></x:is></x:c><x:c><x:f>1+1</x:f><x:v>2</x:v></x:c>
                <x:c t="str"><x:f>"a"</x:f><x:v>a</x:v></x:c>
                <x:c t="str"><x:f>""</x:f><x:v></x:v></x:c><x:c s="0"/></x:row>
                <x:row><x:c t="d"><x:v>2018-11-28</x:v></x:c><x:c t="e"><x:f>1/0</x:f>
                <x:v>#DIV/0!</x:v></x:c><x:c t="s"><x:v>0</x:v></x:c></x:row>
                </x:sheetData></x:worksheet>'''
                parts['xl/worksheets/sheet1.xml'] = sheet.replace('>\\n<', '><')
                rels = 'xl/_rels/workbook.xml.rels'
                parts[rels] = parts[rels].replace(b'</Rel', b'<Relationship Id="x" Target='
                    b'"sharedStrings.xml" Type="http://purl.oclc.org/ooxml/officeDocument/'
                    b'relationships/sharedStrings"/></Rel')
                parts['xl/sharedStrings.xml'] = '''<sst
                xmlns="http://purl.oclc.org/ooxml/spreadsheetml/main"><si><r><t>rich</t></r><r>
                <t xml:space="preserve"> text</t></r><rPh sb="0" eb="1"><t>spoken</t></rPh></si>
                </sst>'''
                """))
        let rows = try await reader.read(bytes, name: "a.xlsx").sheets[0].rows
        #expect(rows[0].cells == [.text("inline"), .number(2), .text("a")])
        #expect(rows[1].cells == [.date("2018-11-28"), .error("#DIV/0!"), .text("rich text")])
    }

    @Test("Ten thousand rows are read") func manyRows() async throws {
        let bytes = try await Python.file(
            """
            import sys, openpyxl
            book = openpyxl.Workbook(write_only=True)
            s = book.create_sheet('guestos')
            for row in range(10000): s.append(['r%dc%d' % (row, column) for column in range(6)])
            book.save(sys.argv[1])
            """)
        let book = try await reader.read(bytes, name: "a.xlsx")
        #expect(book.sheets[0].rows.count == 10_000)
        #expect(book.sheets[0].rows[9999].cells[5] == .text("r9999c5"))
    }

    @Test("Macros give a notice, and are not run") func macros() async throws {
        let bytes = try await Python.file(
            Self.patching("parts['xl/vbaProject.bin'] = 'Sub AutoOpen'"))
        let book = try await reader.read(bytes, name: "a.xlsm")
        #expect(book.notices == ["the file has macros; they were not run"])
    }

    @Test("Escaped characters of texts are read as what they stand for") func escapes() async throws
    {
        let texts = [
            ("debian12_x000D_", "debian12\r"), ("a_x005F_x000D_b", "a_x000D_b"),
            ("_x4e2d__X4E2D_", "中_X4E2D_"), ("_xD83D__xDE00_", "😀"),
            ("_x00G0_ _x12_", "_x00G0_ _x12_"),
            ("_x0009_", "\t"), ("snake_case_x", "snake_case_x"), ("_x005F_x005F_", "_x005F_"),
        ]
        let items = texts.map { "<si><t>\($0.0)</t></si>" }.joined()
        let cells = texts.indices.map { "<c t='s'><v>\($0)</v></c>" }.joined()
        let bytes = try await Python.file(
            Self.patching(
                """
                main = "xmlns='http://schemas.openxmlformats.org/spreadsheetml/2006/main'"
                parts['xl/worksheets/sheet1.xml'] = "<worksheet " + main + "><sheetData><row>"\
                    "\(cells)"\
                    "<c t='inlineStr'><is><t>i_x000D_</t></is></c><c t='str'><v>f_x000A_</v></c>"\
                    "</row></sheetData></worksheet>"
                parts['xl/sharedStrings.xml'] = "<sst " + main + ">\(items)</sst>"
                rels = 'xl/_rels/workbook.xml.rels'
                parts[rels] = parts[rels].replace(b'</Rel', b'<Relationship Id="x" Target='
                    b'"sharedStrings.xml" Type="http://schemas.openxmlformats.org/officeDocument/'
                    b'2006/relationships/sharedStrings"/></Rel')
                """))
        let row = try await reader.read(bytes, name: "a.xlsx").sheets[0].rows[0].cells
        #expect(row == (texts.map(\.1) + ["i\r", "f\n"]).map { .text($0) })
        let table = [texts.map(\.1) + texts.map(\.0)]
        let again = try await reader.read(reader.write([("t", table)]), name: "a.xlsx")
        #expect(again.sheets[0].rows[0].cells == table[0].map { .text($0) })
    }

    @Test(
        "Names of parts are found as other programs write them",
        arguments: [
            "name.replace('/', chr(92))", "name.upper()", "'/' + name",
            "name.replace('sharedStrings', 'SharedStrings')", "name.replace('sheet1', 'sheet%31')",
        ])
    func partNames(change: String) async throws {
        let bytes = try await Python.file(
            Self.patching(
                """
                changed = {}
                for name, content in parts.items():
                    info = zipfile.ZipInfo('x')
                    info.filename = \(change)
                    changed[info] = content
                parts = changed
                """))
        let rows = try await reader.read(bytes, name: "a.xlsx").sheets[0].rows
        #expect(rows[0].cells == [.text("a"), .text("b")])
    }

    @Test("A written workbook is read by openpyxl, and is the same each time")
    func writing() async throws {
        let table = [
            ["index", "näme", "<&\">"], ["1", "16.04", ""], ["", " a\nb\u{1} ", "=1+1"],
        ]
        let bytes = try await reader.write([("guestos", table), ("envs & co", [["index"]])])
        #expect(try await bytes == reader.write([("guestos", table), ("envs & co", [["index"]])]))
        let folder = try TemporaryFolder()
        let path = folder.path + "/written.xlsx"
        try Files.replace(path, with: bytes)
        try await Python.run(
            """
            import sys, openpyxl
            book = openpyxl.load_workbook(sys.argv[1])
            assert book.sheetnames == ['guestos', 'envs & co'], book.sheetnames
            rows = [list(row) for row in book['guestos'].iter_rows(values_only=True)]
            assert rows == [['index', 'näme', '<&">'], ['1', '16.04', None],
                            [None, ' a\\nb_x0001_ ', '=1+1']], rows
            assert book['guestos']['C3'].data_type in 'sn', book['guestos']['C3'].data_type
            assert book['guestos']['B2'].number_format == '@'
            """, [path])
        let book = try await reader.read(bytes, name: "written.xlsx")
        #expect(book.sheets.map(\.name) == ["guestos", "envs & co"])
        #expect(book.sheets[0].rows[1].cells == [.text("1"), .text("16.04")])
    }

    /// A program that writes a workbook with one sheet and lets `change` have its parts by name.
    static func patching(_ change: String) -> String {
        """
        import sys, zipfile, openpyxl
        book = openpyxl.Workbook()
        book.active.append(['a', 'b'])
        book.save(sys.argv[1])
        with zipfile.ZipFile(sys.argv[1]) as z: parts = {n: z.read(n) for n in z.namelist()}

        """ + change + """

            with zipfile.ZipFile(sys.argv[1], 'w', zipfile.ZIP_DEFLATED) as z:
                for name, content in parts.items(): z.writestr(name, content)
            """
    }
}
