/// Office Open XML, transitional or strict: relationships say which part is what.
enum XLSXReader {
    static func read(_ archive: ZipArchive, _ limits: SheetLimits) throws(SheetError) -> Workbook {
        let main = try mainPart(archive, limits)
        let relations = try relationships(of: main, archive, limits)
        let (sheets, is1904) = try list(main, archive, limits)
        let styles = try part(.styles, of: relations, archive)
        let strings = try part(.sharedStrings, of: relations, archive)
        let context = XLSXContext(
            strings: try strings.map { entry throws(SheetError) in
                try XLSXStrings.read(entry, limits)
            } ?? [],
            dateStyles: try styles.map { entry throws(SheetError) in
                try XLSXStyles.read(entry, limits)
            } ?? [],
            is1904: is1904)
        var builder = SheetBuilder(limits)
        for sheet in sheets {
            guard let relation = relations[sheet.relation], relation.kind == "worksheet" else {
                continue  // A chart, a dialogue, a macro sheet.
            }
            guard let entry = try archive.open(relation.target) else {
                throw SheetError(
                    "the file is damaged: the part \(relation.target) of sheet '\(sheet.name)' is "
                        + "missing")
            }
            var reader = XLSXSheet(context)
            try reader.read(try XMLStream(entry, limits), into: &builder)
            try builder.endSheet(sheet.name)
        }
        var book = builder.workbook()
        if archive.names.contains(where: { $0.lowercased().hasSuffix("vbaproject.bin") }) {
            book.notices.append("the file has macros; they were not run")
        }
        return book
    }

    struct Relation {
        /// The last word of its type.
        var kind: String
        var target: String
    }

    private enum Kind: String { case styles, sharedStrings }

    private static func part(
        _ kind: Kind, of relations: [String: Relation], _ archive: ZipArchive
    ) throws(SheetError) -> ZipEntry? {
        guard let relation = relations.values.first(where: { $0.kind == kind.rawValue }) else {
            return nil
        }
        return try archive.open(relation.target)
    }

    private static func mainPart(
        _ archive: ZipArchive, _ limits: SheetLimits
    ) throws(SheetError) -> String {
        let relations = try relationships(of: "", archive, limits)
        let main = relations.values.first { $0.kind == "officeDocument" }?.target
        if let main, main.hasSuffix(".bin") {
            throw SheetError("the file is a binary workbook (.xlsb): save it as .xlsx")
        }
        guard let main, archive.has(main) else {
            throw SheetError("the file is an archive, but not a spreadsheet")
        }
        return main
    }

    /// By id.
    /// - Parameter part: `""` for those of the whole file.
    private static func relationships(
        of part: String, _ archive: ZipArchive, _ limits: SheetLimits
    ) throws(SheetError) -> [String: Relation] {
        let folder = part.split(separator: "/").dropLast().map(String.init)
        let name = part.split(separator: "/").last.map(String.init) ?? ""
        let path = (folder + ["_rels", name + ".rels"]).joined(separator: "/")
        guard let entry = try archive.open(path) else { return [:] }
        let xml = try XMLStream(entry, limits)
        var relations: [String: Relation] = [:]
        while let event = try xml.next() {
            guard event == .start("Relationship") else { continue }
            let values = xml.attributes()
            guard let id = values["Id"], let type = values["Type"], let target = values["Target"],
                values["TargetMode"] != "External"
            else { continue }
            relations[id] = Relation(
                kind: type.split(separator: "/").last.map(String.init) ?? type,
                target: resolve(target, from: folder))
        }
        return relations
    }

    /// Looked up among the archive's names only, so that no `..` leads out of it.
    private static func resolve(_ target: String, from folder: [String]) -> String {
        var path = target.hasPrefix("/") ? [] : folder
        for step in target.split(separator: "/") {
            switch step {
            case "..": _ = path.popLast()
            case ".": continue
            default: path.append(String(step))
            }
        }
        return path.joined(separator: "/")
    }

    private static func list(
        _ main: String, _ archive: ZipArchive, _ limits: SheetLimits
    ) throws(SheetError) -> (sheets: [(name: String, relation: String)], is1904: Bool) {
        guard let entry = try archive.open(main) else { return ([], false) }
        let xml = try XMLStream(entry, limits)
        var sheets: [(name: String, relation: String)] = []
        var is1904 = false
        while let event = try xml.next() {
            switch event {
            case .start("sheet"):
                let values = xml.attributes()
                guard sheets.count < limits.sheets else {
                    throw SheetError("the file has more than \(limits.sheets) sheets")
                }
                sheets.append((XString.decoded(values["name"] ?? ""), values["id"] ?? ""))
            case .start("workbookPr"):
                is1904 = ["1", "true"].contains(xml.attributes()["date1904"] ?? "")
            default: continue
            }
        }
        return (sheets, is1904)
    }
}

/// The data that the cells of all sheets refer to.
struct XLSXContext {
    var strings: [String]
    /// By number of the style: whether it shows dates.
    var dateStyles: [Bool]
    var is1904: Bool
}
