import BuildProtocol

/// The content of a spreadsheet, checked row by row, before it is compared with the registry.
public struct RegistryRows: Sendable {
    public struct GuestOSRow: Sendable {
        var place: ImportProblem
        var name: String
        var type: OSType
        /// `nil` if the sheet has no such column.
        var distro, version, baseISO: String?
        /// `nil` if the cell is empty.
        var template: TemplateSource?
        var ref: String?
        var pathPlace: ImportProblem
        /// `nil` if the sheet has no such column.
        var path: String?
        /// `nil` if the sheet has no such column, or the cell is empty.
        var variables: [String: String]?
        var owner: String?
    }

    public struct EnvironmentRow: Sendable {
        var urlPlace, passwordPlace: ImportProblem
        public var name: String
        var authURL, project, username: String
        /// `nil` if the cell is empty.
        var projectDomain, userDomain: String?
        /// `nil` if the sheet has no such column.
        var region: String?
        var password: Secret?
    }

    public struct TestCaseRow: Sendable {
        var name: String
        var osType: OSType
    }

    public private(set) var environments: [EnvironmentRow] = []
    public private(set) var guestOSes: [GuestOSRow] = []
    public private(set) var testCases: [TestCaseRow] = []
    public private(set) var notices: [String]
    /// The sheets in the file.
    public private(set) var sheets: [ImportSheet] = []

    /// - Parameter only: the one sheet to import; it also names the sheet of a text file.
    public init(_ file: SheetFile, only: ImportSheet?, _ problems: inout ImportProblems) {
        notices = file.notices
        var others: [String] = []
        for table in file.tables {
            guard let sheet = file.isText && only != nil ? only : ImportSheet(named: table.name)
            else {
                if !table.rows.isEmpty { others.append(table.name) }
                continue
            }
            guard only == nil || sheet == only else { continue }
            guard !sheets.contains(sheet) else {
                problems.add(
                    ImportProblem(
                        sheet: table.name, why: "the file has two sheets of this name; merge them"))
                continue
            }
            sheets.append(sheet)
            read(ImportTable(table, sheet, &problems), &problems)
        }
        let quoted = others.map { Names.quoted($0) }.joined(separator: ", ")
        if sheets.isEmpty && problems.isEmpty {
            let there = quoted.isEmpty ? "" : "; it has \(quoted)"
            problems.add(
                ImportProblem(
                    sheet: only?.rawValue ?? "",
                    why: file.isText
                        ? "the sheet of a text file follows from its name: name it "
                            + ImportSheet.allCases.map { "\($0.rawValue).csv" }
                            .joined(separator: ", ") + ", or pass --sheet NAME"
                        : "the file has no sheet \(only?.rawValue ?? "named \(ImportSheet.names)")"
                            + there))
        } else if !others.isEmpty {
            notices.append("not imported: \(quoted); the sheets are \(ImportSheet.names)")
        }
    }

    private mutating func read(_ table: ImportTable, _ problems: inout ImportProblems) {
        notices += table.notices
        var first: [String: Int] = [:]
        for row in table.rows {
            for fault in row.faults { problems.add(fault) }
            let key: String?
            switch table.sheet {
            case .envs: key = addEnvironment(row, table, &problems)
            case .guestos: key = addGuestOS(row, table, &problems)
            case .testcases: key = addTestCase(row, table, &problems)
            }
            guard let key else { continue }
            if let other = first[key] {
                let column = table.sheet == .envs ? "env_name" : "name"
                problems.add(
                    table.problem(row.number, column, "is in row \(other) already"))
            } else {
                first[key] = row.number
            }
        }
    }

    /// - Returns: what must be there once.
    private mutating func addGuestOS(
        _ row: ImportTable.Row, _ table: ImportTable, _ problems: inout ImportProblems
    ) -> String? {
        let before = problems.count
        check("name", in: row, table, &problems)
        let type = osType(row, "type", table, &problems)
        var template: TemplateSource?
        if let place = row["template"] {
            template = TemplateSource(place: place, ref: row["ref"])
            if template == nil {
                problems.add(
                    table.problem(
                        row.number, "template",
                        "\(Names.quoted(place)) is neither a folder on the coordinator (it begins "
                            + "with /) nor the address of a Git repository"))
            }
            if let why = template?.problem {
                problems.add(table.problem(row.number, "template", why))
            }
        }
        if case .folder = template, row["ref"] != nil {
            problems.add(
                table.problem(row.number, "ref", "belongs to a Git repository, not to a folder"))
        }
        // What follows keeps nobody from reading the template, which may have a problem of its own.
        let isReadable = problems.count == before
        if let owner = row["owner"], let why = Names.problem(owner, what: "owner") {
            problems.add(table.problem(row.number, "owner", why))
        }
        var variables: [String: String]?
        if let cell = row["variables"] {
            do throws(VariableCell.Unreadable) {
                let read = try VariableCell.parse(cell)
                variables = read
                if let why = GuestOS.problem(ofVariables: read) {
                    problems.add(table.problem(row.number, "variables", why))
                }
            } catch { problems.add(table.problem(row.number, "variables", error.why)) }
        }
        guard let type, let name = row["name"], row.faults.isEmpty, isReadable else {
            return row["name"]
        }
        let text = { (column: String) in table.has(column) ? row[column] ?? "" : nil }
        guestOSes.append(
            GuestOSRow(
                place: table.problem(row.number, "template", ""), name: name, type: type,
                distro: text("distro"), version: text("version"), baseISO: text("base_iso"),
                template: template, ref: row["ref"],
                pathPlace: table.problem(row.number, "path", ""), path: text("path"),
                variables: variables, owner: row["owner"]))
        return name
    }

    private mutating func addEnvironment(
        _ row: ImportTable.Row, _ table: ImportTable, _ problems: inout ImportProblems
    ) -> String? {
        let before = problems.count
        check("env_name", in: row, table, &problems)
        guard let name = row["env_name"], row.faults.isEmpty, problems.count == before else {
            return row["env_name"]
        }
        environments.append(
            EnvironmentRow(
                urlPlace: table.problem(row.number, "auth_url", ""),
                passwordPlace: table.problem(row.number, "password", ""), name: name,
                authURL: row["auth_url"] ?? "", project: row["project_name"] ?? "",
                username: row["username"] ?? "",
                projectDomain: row["project_domain_name"], userDomain: row["user_domain_name"],
                region: table.has("region") ? row["region"] ?? "" : nil,
                password: row["password"].map { Secret($0) }))
        return name
    }

    private mutating func addTestCase(
        _ row: ImportTable.Row, _ table: ImportTable, _ problems: inout ImportProblems
    ) -> String? {
        let type = osType(row, "os_type", table, &problems)
        guard let type, let name = row["name"], row.faults.isEmpty else { return nil }
        testCases.append(TestCaseRow(name: name, osType: type))
        return "\(type.rawValue) \(name)"
    }

    private func check(
        _ column: String, in row: ImportTable.Row, _ table: ImportTable,
        _ problems: inout ImportProblems
    ) {
        // A value that is missing or wrong is a problem of its own.
        if let name = row[column], let why = Names.registeredProblem(name) {
            problems.add(table.problem(row.number, column, why))
        }
    }

    private func osType(
        _ row: ImportTable.Row, _ column: String, _ table: ImportTable,
        _ problems: inout ImportProblems
    ) -> OSType? {
        guard let text = row[column] else { return nil }
        if let type = OSType(rawValue: text.lowercased()) { return type }
        problems.add(
            table.problem(
                row.number, column,
                "is \(Names.quoted(text)); use "
                    + OSType.allCases.map(\.rawValue).joined(separator: " or ")))
        return nil
    }
}

extension TemplateSource {
    /// Parses one cell: a folder, or the address of a Git repository.
    init?(place: String, ref: String?) {
        if place.hasPrefix("/") {
            self = .folder(path: place)
        } else if place.contains("://") || place.contains(#/^[A-Za-z0-9._-]+@[^:\/]+:./#) {
            self = .git(url: place, ref: ref ?? Self.defaultRef)
        } else {
            return nil
        }
    }
}
