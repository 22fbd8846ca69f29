import BuildProtocol
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
        rows = []
        doubles = []
        clearPasswords = 0
        newestVersion = Migrator.migrations.map(\.version).max() ?? 0
        version = 0
        if try !transaction.columnNames(of: "schema_version").isEmpty {
            version =
                try transaction.query("SELECT MAX(version) AS version FROM schema_version")
                .first?.intOrNil("version") ?? 0
        }
        for table in HistoricTables.names {
            let columns = try transaction.columnNames(of: table)
            guard !columns.isEmpty else { continue }
            let count = try transaction.query("SELECT COUNT(*) AS n FROM \(table)")
            rows.append((table, try count.first?.int("n") ?? 0))
            if table == "guestos" || table == "envs" {
                doubles += try transaction.query(
                    "SELECT name FROM \(table) GROUP BY name HAVING COUNT(*) > 1 ORDER BY name"
                ).compactMap { try $0.textOrNil("name").map { "\(table) \(Names.quoted($0))" } }
            }
            if table == "envs" {
                clearPasswords =
                    try transaction.query(
                        "SELECT COUNT(*) AS n FROM envs WHERE password <> ''"
                    ).first?.int("n") ?? 0
            }
        }
        let hasNames = try transaction.columnNames(of: "build_log").contains("os_name")
        origin =
            version > 0 ? .aibuild : rows.isEmpty ? .empty : hasNames ? .byName : .byID
    }
}
