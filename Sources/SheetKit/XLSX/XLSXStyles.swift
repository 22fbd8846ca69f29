/// Which styles of a workbook show dates.
enum XLSXStyles {
    static func read(_ entry: ZipEntry, _ limits: SheetLimits) throws(SheetError) -> [Bool] {
        let xml = try XMLStream(entry, limits)
        var codes: [Int: String] = [:]
        var styles: [Bool] = []
        var isInCells = false
        while let event = try xml.next() {
            switch event {
            case .start("numFmt"):
                let values = xml.attributes()
                if let id = values["numFmtId"].flatMap({ Int($0) }) {
                    codes[id] = values["formatCode"]
                }
            case .start("cellXfs"): isInCells = true
            case .end("cellXfs"): isInCells = false
            case .start("xf") where isInCells:
                // Excel allows 64,000.
                guard styles.count < 1 << 16 else {
                    throw SheetError("the file has more than \(1 << 16) cell styles")
                }
                let id = xml.attributes()["numFmtId"].flatMap { Int($0) } ?? 0
                styles.append(
                    codes[id].map { DateFormat.isDate(code: $0) }
                        ?? DateFormat.isDate(builtIn: id))
            default: continue
            }
        }
        return styles
    }
}

/// The texts that a workbook stores separately from its cells.
enum XLSXStrings {
    static func read(_ entry: ZipEntry, _ limits: SheetLimits) throws(SheetError) -> [String] {
        let xml = try XMLStream(entry, limits)
        var strings: [String] = []
        var text = ""
        var isText = false
        var totalBytes = 0
        while let event = try xml.next() {
            switch event {
            case .start("si"): text = ""
            case .start("t"): isText = true
            case .end("t"): isText = false
            case .start("rPh"): try xml.skip()  // How East Asian text is spoken.
            case .text(let part) where isText: text += part
            case .end("si"):
                totalBytes += text.utf8.count
                guard strings.count < limits.sharedStrings, totalBytes <= limits.textBytes else {
                    throw SheetError(
                        "the file has more than \(limits.sharedStrings) texts, or texts of more "
                            + "than \(limits.textBytes) bytes")
                }
                strings.append(XString.decoded(text))
            default: continue
            }
        }
        return strings
    }
}
