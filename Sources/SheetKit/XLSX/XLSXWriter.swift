/// Writes the smallest workbook that spreadsheet programs open without a prompt. Every cell is a
/// text with text format, so that `16.04`, typed into the file later, stays `16.04` and does not
/// become a number or a date.
enum XLSXWriter {
    static func write(
        _ sheets: [(name: String, rows: [[String]])]
    ) throws(SheetError) -> [UInt8] {
        let numbered = sheets.enumerated().map { (number: $0 + 1, sheet: $1) }
        return try ZipWriter.pack(
            [
                ("[Content_Types].xml", contentTypes(sheets.count)),
                ("_rels/.rels", relationships([("officeDocument", "xl/workbook.xml")])),
                ("xl/workbook.xml", workbook(sheets.map(\.name))),
                (
                    "xl/_rels/workbook.xml.rels",
                    relationships(
                        numbered.map { ("worksheet", "worksheets/sheet\($0.number).xml") }
                            + [("styles", "styles.xml")])
                ),
                ("xl/styles.xml", styles),
            ]
                + numbered.map {
                    ("xl/worksheets/sheet\($0.number).xml", worksheet($0.sheet.rows))
                })
    }

    private static let head = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n"
    private static let main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    private static let office =
        "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    private static let package = "http://schemas.openxmlformats.org/package/2006"
    private static let content =
        "application/vnd.openxmlformats-officedocument.spreadsheetml"

    private static func contentTypes(_ count: Int) -> String {
        let sheets = (1...max(1, count)).map {
            "<Override PartName=\"/xl/worksheets/sheet\($0).xml\" "
                + "ContentType=\"\(content).worksheet+xml\"/>"
        }
        return head + "<Types xmlns=\"\(package)/content-types\">"
            + "<Default Extension=\"rels\" "
            + "ContentType=\"application/vnd.openxmlformats-package.relationships+xml\"/>"
            + "<Override PartName=\"/xl/workbook.xml\" ContentType=\"\(content).sheet.main+xml\"/>"
            + "<Override PartName=\"/xl/styles.xml\" ContentType=\"\(content).styles+xml\"/>"
            + sheets.joined() + "</Types>"
    }

    private static func relationships(_ targets: [(kind: String, target: String)]) -> String {
        let lines = targets.enumerated().map {
            "<Relationship Id=\"rId\($0 + 1)\" Type=\"\(office)/\($1.kind)\" "
                + "Target=\"\($1.target)\"/>"
        }
        return head + "<Relationships xmlns=\"\(package)/relationships\">" + lines.joined()
            + "</Relationships>"
    }

    private static func workbook(_ names: [String]) -> String {
        let sheets = names.enumerated().map {
            "<sheet name=\"\(escaped($1))\" sheetId=\"\($0 + 1)\" r:id=\"rId\($0 + 1)\"/>"
        }
        return head + "<workbook xmlns=\"\(main)\" xmlns:r=\"\(office)\"><sheets>"
            + sheets.joined() + "</sheets></workbook>"
    }

    /// Style 1 is text (format 49), style 2 text in bold.
    private static let styles =
        head + "<styleSheet xmlns=\"\(main)\">"
        + "<fonts count=\"2\"><font><sz val=\"11\"/><name val=\"Calibri\"/></font>"
        + "<font><b/><sz val=\"11\"/><name val=\"Calibri\"/></font></fonts>"
        + "<fills count=\"2\"><fill><patternFill patternType=\"none\"/></fill>"
        + "<fill><patternFill patternType=\"gray125\"/></fill></fills>"
        + "<borders count=\"1\"><border><left/><right/><top/><bottom/><diagonal/></border>"
        + "</borders><cellStyleXfs count=\"1\">"
        + "<xf numFmtId=\"0\" fontId=\"0\" fillId=\"0\" borderId=\"0\"/></cellStyleXfs>"
        + "<cellXfs count=\"3\">"
        + "<xf numFmtId=\"0\" fontId=\"0\" fillId=\"0\" borderId=\"0\" xfId=\"0\"/>"
        + "<xf numFmtId=\"49\" fontId=\"0\" fillId=\"0\" borderId=\"0\" xfId=\"0\" "
        + "applyNumberFormat=\"1\"/>"
        + "<xf numFmtId=\"49\" fontId=\"1\" fillId=\"0\" borderId=\"0\" xfId=\"0\" "
        + "applyNumberFormat=\"1\" applyFont=\"1\"/></cellXfs></styleSheet>"

    private static func worksheet(_ rows: [[String]]) -> String {
        let columns = max(1, rows.map(\.count).max() ?? 1)
        var text =
            head + "<worksheet xmlns=\"\(main)\"><sheetViews><sheetView workbookViewId=\"0\">"
            + "<pane ySplit=\"1\" topLeftCell=\"A2\" activePane=\"bottomLeft\" state=\"frozen\"/>"
            + "</sheetView></sheetViews>"
            + "<cols><col min=\"1\" max=\"\(columns)\" width=\"22\" style=\"1\" "
            + "customWidth=\"1\"/></cols><sheetData>"
        for (index, row) in rows.enumerated() {
            text += "<row r=\"\(index + 1)\">"
            for (column, value) in row.enumerated() where !value.isEmpty {
                text +=
                    "<c r=\"\(CellName.column(column))\(index + 1)\" s=\"\(index == 0 ? 2 : 1)\" "
                    + "t=\"inlineStr\"><is><t xml:space=\"preserve\">\(escaped(value))</t></is></c>"
            }
            text += "</row>"
        }
        return text + "</sheetData></worksheet>"
    }

    private static func escaped(_ text: String) -> String {
        var escaped = ""
        for scalar in XString.encoded(text).unicodeScalars {
            switch scalar {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}
