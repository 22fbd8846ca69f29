import SheetKit
import Support
import TestSupport
import Testing

/// Files written by odfpy.
@Suite(.timeLimit(.minutes(5))) struct ODSTests {
    private let reader = SheetReader()

    private static let head = """
        import sys
        from odf.opendocument import OpenDocumentSpreadsheet
        from odf.table import Table, TableRow, TableCell, CoveredTableCell, TableColumn
        from odf.text import P, S, Span
        from odf.office import Annotation
        doc = OpenDocumentSpreadsheet()
        def cell(text=None, **more):
            c = TableCell(**more)
            for line in ([] if text is None else text.split('|')): c.addElement(P(text=line))
            return c
        def row(table, *cells, **more):
            r = TableRow(**more)
            for c in cells: r.addElement(c)
            table.addElement(r)

        """

    @Test("Every kind of cell of an ODS file is read") func cells() async throws {
        let bytes = try await Python.file(
            Self.head + """
                t = Table(name='guest os')
                t.addElement(TableColumn(numbercolumnsrepeated=1024))
                noted = cell('with note', valuetype='string')
                note = Annotation(); note.addElement(P(text='the note')); noted.insertBefore(
                    note, noted.firstChild)
                row(t, cell('index', valuetype='string'), cell('镜像 ü|next', valuetype='string'),
                    noted, cell(numbercolumnsrepeated=1021))
                row(t, cell(), numberrowsrepeated=7)
                row(t, cell('16,04', valuetype='float', value='16.04'),
                    cell('WAHR', valuetype='boolean', booleanvalue='true'),
                    cell('x', valuetype='date', datevalue='2018-11-28'),
                    cell('x', valuetype='date', datevalue='2018-11-28T09:30:00'),
                    cell('same', valuetype='string', numbercolumnsrepeated=3))
                spaced = TableCell(valuetype='string'); p = P(text='a'); p.addElement(S(c=3))
                p.addElement(Span(text='b')); spaced.addElement(p)
                row(t, spaced, cell('2', valuetype='float', value='2', formula='of:=1+1'),
                    cell(formula='of:=1+1'),
                    cell('#DIV/0!', valuetype='string', stringvalue='', formula='of:=1/0'))
                row(t, cell('twice', valuetype='string'), numberrowsrepeated=2)
                row(t, cell('merged', valuetype='string', numbercolumnsspanned=2),
                    CoveredTableCell())
                row(t, cell(numbercolumnsrepeated=1024), numberrowsrepeated=1048560)
                doc.spreadsheet.addElement(t)
                doc.spreadsheet.addElement(Table(name='empty'))
                doc.write(sys.argv[1])
                """)
        let book = try await reader.read(bytes, name: "a.ods")
        #expect(book.sheets.map(\.name) == ["guest os", "empty"])
        let rows = book.sheets[0].rows
        #expect(rows.map(\.number) == [1, 9, 10, 11, 12, 13])
        #expect(rows[0].cells == [.text("index"), .text("镜像 ü\nnext"), .text("with note")])
        #expect(
            rows[1].cells == [
                .number(16.04), .bool(true), .date("2018-11-28"), .date("2018-11-28 09:30:00"),
                .text("same"), .text("same"), .text("same"),
            ])
        #expect(rows[2].cells.prefix(2) == [.text("a   b"), .number(2)])
        guard case .error(let why) = rows[2].cells[2] else { throw Failure("no error") }
        #expect(why.contains("formula without a saved value"))
        #expect(rows[2].cells[3] == .error("#DIV/0!"))
        #expect(rows[3].cells == rows[4].cells)
        #expect(rows[5].cells == [.text("merged")])
    }

    /// A row with content that is repeated to the end of the sheet would be a million rows.
    @Test("Content that is repeated to the end of the sheet is refused") func repeats() async throws
    {
        for (column, row, words) in [
            ("", ", numberrowsrepeated=1048576", "more than 100000 rows"),
            (", numbercolumnsrepeated=16384", "", "at most 256 columns"),
        ] {
            let bytes = try await Python.file(
                Self.head + """
                    t = Table(name='t')
                    row(t, cell('x', valuetype='string'\(column))\(row))
                    doc.spreadsheet.addElement(t)
                    doc.write(sys.argv[1])
                    """)
            let error = await #expect(throws: SheetError.self) {
                try await reader.read(bytes, name: "a.ods")
            }
            #expect(error?.description.contains(words) == true, "\(error?.description ?? "")")
        }
    }

    @Test("Macros give a notice, encrypted files and other documents are refused")
    func macros() async throws {
        let patch = { (change: String) in
            Self.head + """
                import zipfile
                doc.spreadsheet.addElement(Table(name='t'))
                doc.write(sys.argv[1])
                with zipfile.ZipFile(sys.argv[1]) as z: parts = {n: z.read(n) for n in z.namelist()}

                """ + change + """

                    with zipfile.ZipFile(sys.argv[1], 'w') as z:
                        for name, content in parts.items(): z.writestr(name, content)
                    """
        }
        let macros = try await Python.file(patch("parts['Basic/Standard/m.xml'] = b'<x/>'"))
        #expect(
            try await reader.read(macros, name: "a.ods").notices == [
                "the file has macros; they were not run"
            ])
        let encrypted = try await Python.file(
            patch(
                "m = 'META-INF/manifest.xml'; parts[m] = parts[m].replace("
                    + "b'</manifest:manifest>', b'<manifest:file-entry><manifest:encryption-data/>"
                    + "</manifest:file-entry></manifest:manifest>')"))
        let error = await #expect(throws: SheetError.self) {
            try await reader.read(encrypted, name: "a.ods")
        }
        #expect(error?.description.contains("password") == true)
        let text = try await Python.file(
            """
            import sys
            from odf.opendocument import OpenDocumentText
            OpenDocumentText().write(sys.argv[1])
            """)
        let other = await #expect(throws: SheetError.self) {
            try await reader.read(text, name: "a.ods")
        }
        #expect(other?.description.contains("not a spreadsheet") == true)
    }
}
