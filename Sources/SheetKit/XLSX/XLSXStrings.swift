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
                strings.append(text)
            default: continue
            }
        }
        return strings
    }
}
