import BuildProtocol
import SQLKit

/// What the pending migrations would meet: found before anything is changed, and by the same code
/// in a dry run, in the run and at a coordinator's start.
struct SchemaCheck {
    /// Why the database cannot be migrated as it is; each with what to do.
    private(set) var obstacles: [String] = []
    /// What else the migration does.
    private(set) var notices: [String] = []

    private let survey: SchemaSurvey
    /// A table of aibuild exists already: an interrupted migration made it, or one whose record is
    /// lost. Columns of the right name and type are aibuild's then, with whatever they hold.
    private let isBegun: Bool

    /// InnoDB's limits for an index and for a row, in bytes.
    private static let indexBytes = 3072
    private static let rowBytes = 65_535
    /// Settings of the server: the size of InnoDB's pages, which limits its indexes, and room for
    /// the largest texts, which have some megabytes.
    private static let pageBytes = 16_384
    private static let packetBytes = 16 << 20

    init(
        _ survey: SchemaSurvey, pending: [Migration], _ transaction: borrowing SQLTransaction
    ) throws {
        self.survey = survey
        let changes = pending.flatMap(\.changes)
        isBegun = changes.contains { change in
            switch change {
            case .table(let name, let columns, _), .countedTable(let name, let columns):
                survey.tables[name].map { Self.isOwn($0, columns) } ?? false
            default: false
            }
        }
        for change in changes { try check(change, transaction) }
        guard pending.contains(where: { $0.version == 1 }) else { return }
        let known = Self.knownColumns
        for name in HistoricTables.names {
            if let table = survey.tables[name] { check(table, name, known[name] ?? []) }
        }
        checkLinks()
        guard transaction.dialect == .mariadb else { return }
        notices += HistoricWidths.columns.compactMap { $0.notice(survey.tables[$0.table]) }
        try checkSettings(transaction)
        try checkGrants(transaction)
    }

    /// Columns of the historic tables that statements of aibuild write, or leave empty.
    private static var knownColumns: [String: Set<String>] {
        var known: [String: Set<String>] = [:]
        for change in Migrator.migrations.flatMap(\.changes) {
            switch change {
            case .historicTable(let table, let columns), .historicColumns(let columns, let table),
                .columns(let columns, let table):
                known[table, default: []].formUnion(columns.map(\.columnName))
            default: continue
            }
        }
        return known
    }

    private mutating func check(
        _ change: SchemaChange, _ transaction: borrowing SQLTransaction
    ) throws {
        switch change {
        case .table(let name, let columns, _): checkOwn(name, columns)
        case .countedTable(let name, let columns): checkOwn(name, columns)
        case .columns(let columns, let name):
            guard let table = survey.tables[name], HistoricTables.names.contains(name) else {
                return
            }
            for column in columns {
                guard let found = table.column(column.columnName),
                    try !isOwn(found, column, name, transaction)
                else { continue }
                obstacles.append(
                    "The column \(name).\(found.name) (\(found.type)) is not aibuild's, which "
                        + "needs one of that name. Give yours another name: ALTER TABLE \(name) "
                        + "RENAME COLUMN \(found.name) TO team_\(found.name)")
            }
        case .index(let index, let name, let columns, let isUnique):
            checkIndex(index, name, columns.split(separator: ",").map(String.init), isUnique)
        case .historicTable, .historicColumns, .dropIndex, .step: return
        }
    }

    private static func isOwn(
        _ table: SchemaSurvey.Table, _ columns: [SchemaChange.Column]
    ) -> Bool {
        !table.isView
            && columns.filter(\.isColumn).allSatisfy { column in
                guard let found = table.column(column.columnName) else { return false }
                return SchemaChange.Column.comparable(type: found.type) == column.columnType
            }
    }

    private mutating func checkOwn(_ name: String, _ columns: [SchemaChange.Column]) {
        guard let table = survey.tables[name], !Self.isOwn(table, columns) else { return }
        let names = table.columns.prefix(8).map(\.name).joined(separator: ", ")
        let kind = table.isView ? "view" : "table"
        obstacles.append(
            "The \(kind) \(name) (\(names)) is not aibuild's, which needs a table of that name. "
                + "Give yours another name: "
                + (table.isView ? "RENAME TABLE \(name)" : "ALTER TABLE \(name) RENAME")
                + " TO team_\(name)")
    }

    /// A column that an interrupted migration added before it made a table has its type, and
    /// nothing but what a step wrote there.
    private func isOwn(
        _ found: SchemaSurvey.Column, _ column: SchemaChange.Column, _ table: String,
        _ transaction: borrowing SQLTransaction
    ) throws -> Bool {
        guard SchemaChange.Column.comparable(type: found.type) == column.columnType else {
            return false
        }
        if isBegun { return true }
        let isText = column.columnType == "longtext"
        let foreign = isText ? "\(found.name) NOT LIKE '{%'" : "\(found.name) <> 0"
        let isName = column.columnType.hasPrefix("varchar")
        return try transaction.query(
            "SELECT 1 AS one FROM \(table) WHERE \(found.name) IS NOT NULL"
                + (isName ? "" : " AND \(foreign)") + " LIMIT 1"
        ).isEmpty
    }

    private mutating func checkIndex(
        _ name: String, _ table: String, _ wanted: [String], _ isUnique: Bool
    ) {
        guard HistoricTables.names.contains(table), let known = survey.tables[table] else { return }
        let columns = wanted.map { String($0.drop { $0 == " " }) }
        if let found = known.indexes[name],
            found.columns.map({ $0.lowercased() }) != columns || found.isUnique != isUnique
        {
            obstacles.append(
                "The index \(name) of \(table) (\(found.columns.joined(separator: ", "))) is not "
                    + "aibuild's, which needs one of that name. Make yours again under another "
                    + "name: DROP INDEX \(name) ON \(table)")
        }
        let bytes = columns.reduce(0) { $0 + (known.column($1)?.width.map { $0 * 4 } ?? 8) }
        if bytes > Self.indexBytes, let wide = columns.compactMap(known.column).max(by: isNarrower)
        {
            obstacles.append(
                "The column \(table).\(wide.name) (\(wide.type)) is too wide for an index of "
                    + "aibuild. Make it narrower: ALTER TABLE \(table) MODIFY \(wide.name) "
                    + "varchar(255)")
        }
    }

    private func isNarrower(_ a: SchemaSurvey.Column, _ b: SchemaSurvey.Column) -> Bool {
        a.width ?? 0 < b.width ?? 0
    }

    private mutating func check(
        _ table: SchemaSurvey.Table, _ name: String, _ known: Set<String>
    ) {
        let missing = (HistoricTables.required[name] ?? []).filter { table.column($0) == nil }
        guard !table.isView, missing.isEmpty else {
            let why = table.isView ? "it is a view" : "it has no column \(missing[0])"
            obstacles.append(
                "The table \(name) is not the original AIBuild's: \(why). Give it another name, or "
                    + "give aibuild a database of its own")
            return
        }
        for column in table.columns where column.needsValue && !known.contains(column.name) {
            obstacles.append(
                "The column \(name).\(column.name) (\(column.type)) needs a value that aibuild "
                    + "does not have for new rows. Give it a default: ALTER TABLE \(name) ALTER "
                    + "\(column.name) SET DEFAULT …")
        }
        for (index, found) in table.indexes.sorted(by: { $0.key < $1.key })
        where found.bytes > Self.indexBytes {
            obstacles.append(
                "The index \(index) of \(name) takes \(found.bytes) bytes in utf8mb4, and InnoDB "
                    + "allows \(Self.indexBytes). Make it shorter, or drop it: DROP INDEX "
                    + "\(index) ON \(name)")
        }
        let row = table.columns.reduce(0) { bytes, column in
            let isInline = column.type.hasPrefix("varchar") || column.type.hasPrefix("char")
            return bytes + (isInline ? (column.width ?? 0) * 4 + 2 : 12)
        }
        if row > Self.rowBytes {
            obstacles.append(
                "A row of \(name) takes \(row) bytes in utf8mb4, and InnoDB allows "
                    + "\(Self.rowBytes). Make its widest varchar columns narrower, or text")
        }
    }

    private mutating func checkLinks() {
        let tables = HistoricTables.names.filter { survey.tables[$0] != nil }
        for link in ForeignKeys.touching(tables, survey.links) {
            let what =
                "foreign key \(link.name) of \(link.table) (\(link.column) → "
                + "\(link.target).\(link.targetColumn))"
            if let other = link.otherDatabase {
                obstacles.append(
                    "The \(what) links the database \(other), whose column cannot be converted "
                        + "from here. Drop it: ALTER TABLE \(link.table) DROP FOREIGN KEY "
                        + "\(link.name)")
                continue
            }
            var notice = "\(what) is kept"
            for end in link.ends where !tables.contains(end.table) {
                notice += "; \(end.table).\(end.name) becomes utf8mb4"
            }
            if ["testcases", "envs"].contains(link.target) {
                notice += "; rows of \(link.target) that it needs cannot be removed"
            }
            notices.append(notice)
        }
    }

    private mutating func checkSettings(_ transaction: borrowing SQLTransaction) throws {
        let row = try transaction.query(
            "SELECT @@innodb_page_size AS page, @@max_allowed_packet AS packet"
        ).first
        if let page = try row?.int("page"), page < Self.pageBytes {
            obstacles.append(
                "The server has innodb_page_size = \(page), and indexes of aibuild need "
                    + "\(Self.pageBytes). Load a dump of the database into a server with that size")
        }
        if let packet = try row?.int("packet"), packet < Self.packetBytes / 4 {
            obstacles.append(
                "The server has max_allowed_packet = \(packet), and the plan of a build may need "
                    + "more. As root, and in the server's configuration: SET GLOBAL "
                    + "max_allowed_packet = \(Self.packetBytes), then connect again")
        }
    }

    private mutating func checkGrants(_ transaction: borrowing SQLTransaction) throws {
        let missing = try AccountGrants(transaction).missing
        guard !missing.isEmpty else { return }
        let row = try transaction.query("SELECT CURRENT_USER() AS name, DATABASE() AS place").first
        let place = try row?.text("place") ?? ""
        let name = try row?.text("name").split(separator: "@").joined(separator: "'@'") ?? ""
        obstacles.append(
            "The account '\(name)' lacks rights that a migration needs: "
                + missing.joined(separator: ", ") + ". As root: GRANT "
                + "\(missing.joined(separator: ", ")) ON \(place).* TO '\(name)'")
    }
}
