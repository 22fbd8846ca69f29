import SQLKit

/// Schema 1: the six tables of the original AIBuild, with its columns and its types. A database
/// that has them already, in either of the two variants in the field, keeps every row and column
/// and gets the columns of the other.
enum HistoricTables {
    private static let tables: [(name: String, columns: [(name: String, type: String)])] = [
        (
            "guestos",
            [
                ("id", "varchar(36) NOT NULL"), ("name", "varchar(255)"),
                ("base_iso", "varchar(255)"), ("type", "varchar(36)"), ("distro", "varchar(36)"),
                ("version", "varchar(36)"),
            ]
        ),
        (
            "build_log",
            [
                ("id", "varchar(36) NOT NULL"), ("image_name", "varchar(255)"),
                ("os_id", "varchar(36)"), ("build_at", "datetime"), ("update_contents", "text"),
                ("get_url", "varchar(255)"),
            ]
        ),
        (
            "testcases",
            [
                ("id", "varchar(36) NOT NULL"), ("name", "varchar(255)"),
                ("os_type", "varchar(36)"),
            ]
        ),
        (
            "test_log",
            [
                ("id", "varchar(36) NOT NULL"), ("build_id", "varchar(36)"),
                ("case_id", "varchar(36)"), ("result", "varchar(10)"), ("test_at", "datetime"),
            ]
        ),
        (
            "release_log",
            [
                ("id", "varchar(36) NOT NULL"), ("env_id", "varchar(60)"),
                ("glance_id", "varchar(36)"), ("release_at", "datetime"),
            ]
        ),
        (
            "envs",
            [
                ("id", "varchar(36) NOT NULL"), ("name", "varchar(64) NOT NULL"),
                ("auth_url", "varchar(255) NOT NULL"),
                ("project_domain_name", "varchar(64) NOT NULL"),
                ("user_domain_name", "varchar(64) NOT NULL"),
                ("project_name", "varchar(64) NOT NULL"), ("username", "varchar(255) NOT NULL"),
                ("password", "varchar(255) NOT NULL"), ("region", "varchar(255) NOT NULL"),
            ]
        ),
    ]

    static let names = tables.map(\.name)

    /// One variant refers to rows by id, the other by name: the id is looked up.
    static let references = [
        (table: "build_log", id: "os_id", name: "os_name", target: "guestos", key: "name"),
        (
            table: "test_log", id: "build_id", name: "image_name", target: "build_log",
            key: "image_name"
        ),
        (table: "test_log", id: "case_id", name: "case_name", target: "testcases", key: "name"),
        (table: "release_log", id: "env_id", name: "env_name", target: "envs", key: "name"),
    ]

    @Sendable static func migrate(_ transaction: borrowing SQLTransaction) throws {
        for table in tables {
            try transaction.createTable(
                table.name, table.columns.map { "\($0.name) \($0.type)" }, key: "id")
            try transaction.modernise(table.name)
            try transaction.addColumns(table.columns, to: table.name)
        }
        for reference in references {
            let columns = try transaction.columnNames(of: reference.table)
            guard columns.contains(reference.name) else { continue }
            let table = reference.table
            try transaction.execute(
                "UPDATE \(table) SET \(reference.id) = (SELECT MIN(t.id) "
                    + "FROM \(reference.target) t WHERE t.\(reference.key) = "
                    + "\(table).\(reference.name)) WHERE \(reference.id) IS NULL")
        }
    }
}

/// Schema 6: one historic variant refers to rows by id and the other by name. Existing and new rows
/// get both, so that readers written for either variant keep working.
enum HistoricNames {
    @Sendable static func migrate(_ transaction: borrowing SQLTransaction) throws {
        try transaction.addColumns([("os_name", "varchar(255)")], to: "build_log")
        try transaction.addColumns(
            [("image_name", "varchar(255)"), ("case_name", "varchar(255)")], to: "test_log")
        for reference in HistoricTables.references {
            let table = reference.table
            try transaction.execute(
                "UPDATE \(table) SET \(reference.name) = (SELECT t.\(reference.key) "
                    + "FROM \(reference.target) t WHERE t.id = \(table).\(reference.id)) "
                    + "WHERE \(reference.name) IS NULL")
        }
        try transaction.createIndex("build_log_image", on: "build_log", "image_name, build_at, id")
    }
}
