import SheetKit
import TestSupport
import Testing

/// Archives and XML that are made to harm.
@Suite(.timeLimit(.minutes(5))) struct HostileTests {
    private let reader = SheetReader()

    private func refusal(_ bytes: [UInt8]) async throws -> String {
        let error = await #expect(throws: SheetError.self) {
            try await reader.read(bytes, name: "a.xlsx")
        }
        return try #require(error).description
    }

    @Test("A zip bomb is refused before it is unpacked") func bomb() async throws {
        let bytes = try await Python.file(
            XLSXTests.patching("parts['xl/worksheets/sheet1.xml'] = b' ' * (100 << 20)"))
        #expect(bytes.count < 1 << 20)
        #expect(try await refusal(bytes).contains("packed more than 250 : 1"))
    }

    @Test("Many parts that are small each are refused by what they unpack to together")
    func manyParts() async throws {
        var limits = SheetLimits()
        limits.unpackedBytes = 2 << 20
        let bytes = try await Python.file(
            """
            import sys, openpyxl
            book = openpyxl.Workbook()
            for n in range(8):
                cells = ['%d-%d%s' % (n, m, 'y' * 32000) for m in range(9)]
                book.create_sheet('s%d' % n).append(['%d%s' % (n, 'x' * 32000)] + cells)
            book.save(sys.argv[1])
            """)
        #expect(try await reader.read(bytes, name: "a.xlsx").sheets.count == 9)
        let small = SheetReader(limits: limits)
        let error = await #expect(throws: SheetError.self) {
            try await small.read(bytes, name: "a.xlsx")
        }
        #expect(error?.description.contains("unpack to more than") == true, "\(error as Any)")
    }

    /// The list of the archive says that the part is small; what comes out is counted.
    @Test("A part that unpacks to more than the archive claims is refused")
    func falseSize() async throws {
        let lie = { (size: Int) in
            XLSXTests.patching("parts['xl/worksheets/sheet1.xml'] = b' ' * (40 << 20)") + """

                data = bytearray(open(sys.argv[1], 'rb').read())
                true = (40 << 20).to_bytes(4, 'little')
                at = data.find(true)
                while at >= 0:
                    data[at:at + 4] = (\(size)).to_bytes(4, 'little')
                    at = data.find(true, at + 4)
                open(sys.argv[1], 'wb').write(data)
                """
        }
        for size in [1000, 0xFFFF_FFF0] {
            let words = try await refusal(try await Python.file(lie(size)))
            #expect(
                ["packed more than", "damaged or cut short", "unpacks to more than"].contains {
                    words.contains($0)
                }, "\(words)")
        }
    }

    /// 5 GB, claimed in the fields for large archives.
    @Test("A part of 5 GB is refused by its claimed size") func hugeSize() async throws {
        let bytes = try await Python.file(
            XLSXTests.patching("") + """

                import struct
                data = bytearray(open(sys.argv[1], 'rb').read())
                at = data.find(b'PK\\x01\\x02')
                name = b'xl/worksheets/sheet1.xml'
                while data[at + 46:at + 46 + len(name)] != name:
                    at = data.find(b'PK\\x01\\x02', at + 4)
                extra = struct.pack('<HHQ', 1, 8, 5 << 30)
                data[at + 24:at + 28] = b'\\xff' * 4
                data[at + 30:at + 32] = len(extra).to_bytes(2, 'little')
                data[at + 46 + len(name):at + 46 + len(name)] = extra
                end = data.find(b'PK\\x05\\x06')
                size = int.from_bytes(data[end + 12:end + 16], 'little') + len(extra)
                data[end + 12:end + 16] = size.to_bytes(4, 'little')
                open(sys.argv[1], 'wb').write(data)
                """)
        #expect(try await refusal(bytes).contains("unpacks to more than"))
    }

    @Test("XML that declares entities is refused, and no file or address is opened")
    func entities() async throws {
        let levels = (1...9).map { level in
            "<!ENTITY l\(level) \\\"" + String(repeating: "&l\(level - 1);", count: 10) + "\\\">"
        }.joined()
        let laughs = "<?xml version='1.0'?><!DOCTYPE w [<!ENTITY l0 'ha'>\(levels)]>"
        for document in [
            laughs + "<worksheet><sheetData><row><c t='str'><v>&l9;</v></c></row></sheetData>"
                + "</worksheet>",
            "<!DOCTYPE w [<!ENTITY f SYSTEM 'file:///etc/passwd'>]><worksheet><sheetData><row>"
                + "<c t='str'><v>&f;</v></c></row></sheetData></worksheet>",
            "<!DOCTYPE w SYSTEM 'http://127.0.0.1:1/x.dtd'><worksheet/>",
        ] {
            let bytes = try await Python.file(
                XLSXTests.patching("parts['xl/worksheets/sheet1.xml'] = \"\(document)\""))
            let words = try await refusal(bytes)
            // libxml2 itself ends at entities that grow.
            #expect(
                words.contains("declares entities") || words.contains("damaged at its line 1"),
                "\(words)")
        }
    }

    @Test("Deep, doubled, cut and damaged archives are refused, and harm nothing")
    func damage() async throws {
        let deep = try await Python.file(
            XLSXTests.patching(
                "parts['xl/worksheets/sheet1.xml'] = '<a>' * 200 + '</a>' * 200"))
        #expect(try await refusal(deep).contains("levels deep"))

        let broken = try await Python.file(
            XLSXTests.patching("parts['xl/worksheets/sheet1.xml'] = '<worksheet>\\n<row></c>'"))
        #expect(
            try await refusal(broken).contains(
                "xl/worksheets/sheet1.xml of the file is damaged at its line 2"))

        let doubled = try await Python.file(
            XLSXTests.patching("") + """

                import warnings; warnings.simplefilter('ignore')
                with zipfile.ZipFile(sys.argv[1], 'a') as z: z.writestr('xl/workbook.xml', b'x')
                """)
        #expect(try await refusal(doubled).contains("have the same name"))

        let whole = try await Python.file(XLSXTests.patching(""))
        for length in stride(from: 4, to: whole.count, by: 211) {
            _ = try await refusal(Array(whole[..<length]))
        }
        for damaged in damaged(whole, times: 400, seed: 7, bytes: 8) {
            _ = try? await reader.read(damaged, name: "a.xlsx")
        }
    }

    @Test("An archive that is not a spreadsheet, or is too large, is refused")
    func otherArchives() async throws {
        let bytes = try await Python.file(
            """
            import sys, zipfile
            with zipfile.ZipFile(sys.argv[1], 'w') as z: z.writestr('readme.txt', 'x')
            """)
        #expect(try await refusal(bytes) == "the file is an archive, but not a spreadsheet")
        #expect(
            try await refusal([UInt8](repeating: 65, count: (8 << 20) + 1)).contains("at most"))
    }
}
