/// Workbooks of Excel 97 to 2003 (BIFF8).
///
/// libfreexl is not used: its version 1.0 reads `#DIV/0!` as the number 1, ignores formulas
/// together with their values, and is C code that would parse untrusted files in this process.
enum XLSReader {
    static func read(_ bytes: [UInt8], _ limits: SheetLimits) throws(SheetError) -> Workbook {
        let file = try CompoundFile(bytes)
        guard !file.names.contains("EncryptedPackage") else { throw SheetError.encrypted }
        guard let stream = try file.stream("Workbook") else {
            throw file.names.contains("Book")
                ? SheetError("the file was made by an Excel before 97: save it as .xlsx")
                : SheetError("the file is a document of an old Office, but no spreadsheet")
        }
        let globals = try XLSGlobals(stream, limits)
        var builder = SheetBuilder(limits)
        for sheet in globals.sheets where sheet.isTable {
            var reader = XLSSheet(globals)
            try reader.read(BIFFRecords(stream, from: sheet.offset), into: &builder)
            try builder.endSheet(sheet.name)
        }
        var book = builder.workbook()
        if file.names.contains("_VBA_PROJECT_CUR") || globals.hasMacroSheets {
            book.notices.append("the file has macros; they were not run")
        }
        return book
    }
}
