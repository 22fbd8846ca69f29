/// OpenDocument: all sheets in one part; equal adjacent cells are written once with a count.
enum ODSReader {
    private static let kind = "application/vnd.oasis.opendocument.spreadsheet"

    static func read(_ archive: ZipArchive, _ limits: SheetLimits) throws(SheetError) -> Workbook {
        let type = try text(of: "mimetype", archive)
        guard type.hasPrefix(kind) else {
            throw SheetError(
                "the file is an OpenDocument file, but not a spreadsheet "
                    + "(\(type.prefix(100).filter { $0 >= " " }))")
        }
        if try isEncrypted(archive, limits) { throw SheetError.encrypted }
        guard let entry = try archive.open("content.xml") else {
            throw SheetError("the file is damaged: its part content.xml is missing")
        }
        var builder = SheetBuilder(limits)
        let xml = try XMLStream(entry, limits)
        while let event = try xml.next() {
            switch event {
            case .start("table"):
                let name = xml.attributes()["name"] ?? ""
                var table = ODSTable(limits)
                try table.read(xml, into: &builder)
                try builder.endSheet(name)
            // Content that was deleted with change tracking contains tables and cells, too.
            case .start("tracked-changes"): try xml.skip()
            default: continue
            }
        }
        var book = builder.workbook()
        if archive.names.contains(where: { $0.hasPrefix("basic/") || $0.hasPrefix("scripts/") }) {
            book.notices.append("the file has macros; they were not run")
        }
        return book
    }

    private static func text(of name: String, _ archive: ZipArchive) throws(SheetError) -> String {
        guard let entry = try archive.open(name) else { return "" }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1024, alignment: 1)
        defer { buffer.deallocate() }
        let count = try entry.read(into: buffer)
        return String(decoding: buffer[..<count], as: UTF8.self)
    }

    private static func isEncrypted(
        _ archive: ZipArchive, _ limits: SheetLimits
    ) throws(SheetError) -> Bool {
        guard let entry = try archive.open("META-INF/manifest.xml") else { return false }
        let xml = try XMLStream(entry, limits)
        while let event = try xml.next() {
            if event == .start("encryption-data") { return true }
        }
        return false
    }
}
