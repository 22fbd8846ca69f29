import BuildProtocol
import CoordinatorCore
public import SQLKit

/// The state of a database before or after its migration.
public struct SchemaReport: Sendable {
    public enum Origin: String, Sendable {
        case empty = "an empty database"
        case byID = "a database of the original AIBuild, with the columns of its README"
        case byName = "a database of the original AIBuild, with the columns of its code"
        case aibuild = "a database of this aibuild"
    }

    public var origin: Origin
    /// The last migration that was applied; 0 if none was.
    public var version: Int
    /// The last migration of this program.
    public var newestVersion: Int
    /// The historic tables that exist.
    public var rows: [(table: String, count: Int)]
    /// Duplicate names in `guestos` or `envs`; all but the first get the beginning of their id as a
    /// suffix.
    public var doubles: [String]
    /// Passwords in clear text, which a migration seals.
    public var clearPasswords: Int
    /// Why a migration would be refused; each with what to do.
    public var obstacles: [String]
    /// What else a migration does, and what it leaves to the operator.
    public var notices: [String]
}

extension SQLStore {
    /// Inspects the database and changes nothing.
    /// - Throws: `StoreError`
    public static func inspect(_ location: SQLLocation) async throws -> SchemaReport {
        try await SQLAccess.reporting {
            let database = try await SQLDatabase.open(location)
            do {
                let report = try await database.transaction { try SchemaReport(of: $0) }
                await database.close()
                return report
            } catch {
                await database.close()
                throw error
            }
        }
    }
}

extension SchemaReport {
    init(of transaction: borrowing SQLTransaction) throws {
        newestVersion = Migrator.newest
        version = try Migrator.version(transaction)
        let check = try Migrator.check(after: version, transaction)
        obstacles = check.obstacles
        notices = check.notices
        rows = []
        doubles = []
        clearPasswords = 0
        origin = version > 0 ? .aibuild : .empty
        for table in HistoricTables.names {
            let columns = try transaction.columnNames(of: table)
            guard columns.isSuperset(of: HistoricTables.required[table] ?? []) else { continue }
            let count = try transaction.query("SELECT COUNT(*) AS n FROM \(table)")
            rows.append((table, try count.first?.int("n") ?? 0))
        }
        if version == 0, !rows.isEmpty {
            let hasNames = try transaction.columnNames(of: "build_log").contains("os_name")
            origin = hasNames ? .byName : .byID
        }
        for table in ["guestos", "envs"] where rows.contains(where: { $0.table == table }) {
            try readNames(table, transaction)
        }
        if rows.contains(where: { $0.table == "envs" }) {
            let clear = try transaction.query(
                "SELECT COUNT(*) AS n FROM envs WHERE password <> ''")
            clearPasswords = try clear.first?.int("n") ?? 0
        }
        if version < HistoricRepairs.version { try readRepairs(transaction) }
        for (table, column) in [("guestos", "type"), ("testcases", "os_type")]
        where rows.contains(where: { $0.table == table }) {
            try readTypes(table, column, transaction)
        }
    }

    /// What is neither is used as linux, which some other system hardly was meant to be.
    private mutating func readTypes(
        _ table: String, _ column: String, _ transaction: borrowing SQLTransaction
    ) throws {
        guard try transaction.columnNames(of: table).isSuperset(of: [column, "name"]) else {
            return
        }
        let others = try transaction.query(
            "SELECT name, \(column) AS type FROM \(table) WHERE \(column) IS NULL "
                + "OR LOWER(\(column)) NOT IN ('linux', 'windows') ORDER BY name LIMIT 20")
        let command = table == "guestos" ? "aibuild guestos change NAME --type windows" : nil
        for row in others {
            let name = Names.quoted(try row.textOrNil("name") ?? "")
            let type = Names.quoted(try row.textOrNil("type") ?? "")
            notices.append(
                "\(table) \(name) has the \(column) \(type), and counts as linux"
                    + (command.map { "; if it is not: \($0)" } ?? ""))
        }
    }

    private mutating func readNames(
        _ table: String, _ transaction: borrowing SQLTransaction
    ) throws {
        let names = try transaction.query("SELECT id, name FROM \(table) ORDER BY name, id")
            .map { try $0.textOrNil("name") }
        var counts: [String: Int] = [:]
        for name in names.compactMap(\.self) { counts[name, default: 0] += 1 }
        doubles += counts.filter { $0.value > 1 }.keys.sorted().map {
            "\(table) \(Names.quoted($0))"
        }
        let what = table == "envs" ? "environment" : "guest OS"
        let command = table == "envs" ? "env" : "guestos"
        for name in counts.keys.sorted() {
            let isTooLong = table == "envs" && name.utf8.count > ReleaseEnvironment.Bounds.nameBytes
            guard isTooLong || Names.registeredProblem(name) != nil else { continue }
            notices.append(
                "\(table) \(Names.quoted(name)) is no name that a new \(what) may have: it is kept "
                    + "and exported, and can be used once it is renamed: aibuild \(command) "
                    + "rename \(Names.quoted(name)) NEW-NAME")
        }
        let nameless = names.count { $0 == nil }
        if nameless > 0 {
            notices.append(
                "\(table): \(nameless) row\(nameless == 1 ? " has" : "s have") no name; kept, and "
                    + "not listed")
        }
    }

    private mutating func readRepairs(_ transaction: borrowing SQLTransaction) throws {
        for column in HistoricText.columns where rows.contains(where: { $0.table == column.table })
        {
            if let notice = try column.notice(transaction) { notices.append(notice) }
        }
        guard transaction.dialect == .mariadb else { return }
        for reference in HistoricTables.references {
            let columns = try transaction.columnNames(of: reference.table)
            let targets = try transaction.columnNames(of: reference.target)
            for loose in LooseReference.both(of: reference)
            where columns.contains(loose.column)
                && targets.isSuperset(of: ["id", reference.key])
            {
                let count = try transaction.query(loose.count).first?.int("n") ?? 0
                guard count > 0 else { continue }
                notices.append(
                    "\(loose.table).\(loose.column): \(count) row\(count == 1 ? "" : "s") name a "
                        + "row of \(reference.target) in other case, or with blanks at the end; "
                        + "as texts are compared exactly from then on, they get the exact value")
            }
        }
    }
}
