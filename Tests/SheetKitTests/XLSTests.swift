import SheetKit
import Support
import TestSupport
import Testing

/// Files of Excel 97 to 2003, written by xlwt.
@Suite(.timeLimit(.minutes(5))) struct XLSTests {
    private let reader = SheetReader()

    @Test("Every kind of cell of an XLS file is read") func cells() async throws {
        let bytes = try await Python.file(
            """
            import sys, datetime, xlwt
            book = xlwt.Workbook()
            s = book.add_sheet('guest os')
            s.write(0, 0, 'index'); s.write(0, 1, '镜像 ü'); s.write(0, 2, 'x' * 9000)
            s.write(1, 0, 16.04); s.write(1, 1, 7); s.write(1, 2, -3); s.write(1, 3, 1804.0)
            s.write(1, 4, 1e300); s.write(1, 5, 0.1)
            s.write(2, 0, True); s.write(2, 1, False); s.row(2).set_cell_error(2, 0x07)
            day = xlwt.easyxf(num_format_str='YYYY-MM-DD')
            time = xlwt.easyxf(num_format_str='D/M/YY h:mm')
            money = xlwt.easyxf(num_format_str='"dm" #,##0.00')
            s.write(3, 0, datetime.date(2018, 11, 28), day)
            s.write(3, 1, datetime.datetime(2018, 11, 28, 9, 30), time)
            s.write(3, 2, 16.04, money)
            s.write(4, 0, xlwt.Formula('1+1'))
            s.write_merge(9, 10, 1, 2, 'merged')
            for row in range(20, 2020): s.write(row, 0, 'text number %d ü' % row)
            book.add_sheet('empty')
            book.save(sys.argv[1])
            """)
        let book = try await reader.read(bytes, name: "a.xls")
        #expect(book.sheets.map(\.name) == ["guest os", "empty"])
        #expect(book.sheets[1].rows.isEmpty)
        let rows = book.sheets[0].rows
        #expect(rows.map(\.number) == [1, 2, 3, 4, 5, 10] + Array(21...2020))
        #expect(
            rows[0].cells == [
                .text("index"), .text("镜像 ü"), .text(String(repeating: "x", count: 9000)),
            ])
        #expect(
            rows[1].cells == [
                .number(16.04), .number(7), .number(-3), .number(1804), .number(1e300),
                .number(0.1),
            ])
        #expect(rows[2].cells == [.bool(true), .bool(false), .error("#DIV/0!")])
        #expect(
            rows[3].cells == [.date("2018-11-28"), .date("2018-11-28 09:30:00"), .number(16.04)])
        guard case .error(let why) = rows[4].cells[0] else { throw Failure("no error") }
        #expect(why.contains("formula without a saved value"))
        #expect(rows[5].cells == [.empty, .text("merged")])
        // Texts that go over the ends of records.
        #expect(rows.last?.cells == [.text("text number 2019 ü")])
    }

    /// xlwt calculates nothing; the value is put where a program that does would put it.
    @Test("A formula gives its saved value") func formulas() async throws {
        let bytes = try await Python.file(
            """
            import sys, struct, xlwt
            from xlwt import BIFFRecords
            class Saved(BIFFRecords.FormulaRecord):
                def __init__(self, row, column, style, rpn, flags):
                    super().__init__(row, column, style, rpn, flags)
                    values = [struct.pack('<d', 16.04), bytes([1, 0, 1, 0, 0, 0, 255, 255]),
                              bytes([2, 0, 0x2A, 0, 0, 0, 255, 255])]
                    self._rec_data = self._rec_data[:6] + values[column] + self._rec_data[14:]
            import xlwt.Cell
            xlwt.Cell.BIFFRecords.FormulaRecord = Saved
            book = xlwt.Workbook()
            s = book.add_sheet('s')
            for column in range(3): s.write(0, column, xlwt.Formula('1+1'))
            book.save(sys.argv[1])
            """)
        let book = try await reader.read(bytes, name: "a.xls")
        #expect(book.sheets[0].rows[0].cells == [.number(16.04), .bool(true), .error("#N/A")])
    }

    @Test("Ten thousand rows are read") func manyRows() async throws {
        let bytes = try await Python.file(
            """
            import sys, xlwt
            book = xlwt.Workbook()
            s = book.add_sheet('guestos')
            for row in range(10000):
                for column in range(6): s.write(row, column, 'r%dc%d' % (row, column))
            book.save(sys.argv[1])
            """)
        let book = try await reader.read(bytes, name: "a.xls")
        #expect(book.sheets[0].rows.count == 10_000)
        #expect(book.sheets[0].rows[9999].cells[5] == .text("r9999c5"))
    }

    @Test("A file that is cut or damaged anywhere is refused, and harms nothing")
    func damage() async throws {
        let bytes = try await Python.file(
            """
            import sys, xlwt
            book = xlwt.Workbook()
            s = book.add_sheet('s')
            for row in range(40):
                s.write(row, 0, 'text %d ü' % row); s.write(row, 1, row + 0.5)
            book.save(sys.argv[1])
            """)
        for length in stride(from: 8, to: bytes.count - 512, by: 97) {
            await #expect(throws: SheetError.self) {
                try await reader.read(Array(bytes[..<length]), name: "a.xls")
            }
        }
        // Any answer is right but the end of this process or a loop without end.
        for damaged in damaged(bytes, times: 600, seed: 4, bytes: 12) {
            _ = try? await reader.read(damaged, name: "a.xls")
        }
    }

    @Test("Macros give a notice and are not run, encrypted files are refused")
    func macros() async throws {
        let plain = """
            import sys, xlwt
            book = xlwt.Workbook()
            book.add_sheet('s').write(0, 0, 'x' * 5000)
            book.save(sys.argv[1])
            data = bytearray(open(sys.argv[1], 'rb').read())

            """
        // A storage of Visual Basic in the directory: a new entry beside the others.
        let macros = try await Python.file(
            plain + """
                first = int.from_bytes(data[48:52], 'little')
                at = (first + 1) * 512
                entries = [at + 128 * n for n in range(4)]
                free = next(n for n in range(1, 4) if data[entries[n] + 66] == 0)
                name = '_VBA_PROJECT_CUR'.encode('utf-16-le')
                e = entries[free]
                data[e:e + len(name)] = name
                data[e + 64:e + 66] = (len(name) + 2).to_bytes(2, 'little')
                data[e + 66] = 1
                for o in (68, 72, 76): data[e + o:e + o + 4] = b'\\xff' * 4
                child = int.from_bytes(data[at + 76:at + 80], 'little')
                data[entries[child] + 72:entries[child] + 76] = free.to_bytes(4, 'little')
                open(sys.argv[1], 'wb').write(data)
                """)
        let book = try await reader.read(macros, name: "a.xls")
        #expect(book.notices == ["the file has macros; they were not run"])
        #expect(book.sheets.count == 1)

        // The first record after the beginning becomes the one that announces encryption.
        let encrypted = try await Python.file(
            plain + """
                at = data.index(b'\\x09\\x08\\x10\\x00\\x00\\x06') + 20
                data[at:at + 2] = b'\\x2f\\x00'
                open(sys.argv[1], 'wb').write(data)
                """)
        let error = await #expect(throws: SheetError.self) {
            try await reader.read(encrypted, name: "a.xls")
        }
        #expect(error?.description.contains("password") == true)
    }
}
