import SQLKit

/// Schema 1: the six tables of the original AIBuild, with its columns and its types. A database
/// that has them already, in either of the two variants in the field, keeps every row and column
/// and gets the columns of the other.
enum HistoricTables {
    static let tables: [(name: String, columns: [SchemaChange.Column])] = [
        (
            "guestos",
            [
                "id varchar(36) NOT NULL", "name varchar(255)", "base_iso varchar(255)",
                "type varchar(36)", "distro varchar(36)", "version varchar(36)",
            ]
        ),
        (
            "build_log",
            [
                "id varchar(36) NOT NULL", "image_name varchar(255)", "os_id varchar(36)",
                "build_at datetime", "update_contents text", "get_url varchar(255)",
            ]
        ),
        (
            "testcases",
            ["id varchar(36) NOT NULL", "name varchar(255)", "os_type varchar(36)"]
        ),
        (
            "test_log",
            [
                "id varchar(36) NOT NULL", "build_id varchar(36)", "case_id varchar(36)",
                "result varchar(10)", "test_at datetime",
            ]
        ),
        (
            "release_log",
            [
                "id varchar(36) NOT NULL", "env_id varchar(60)", "glance_id varchar(36)",
                "release_at datetime",
            ]
        ),
        (
            "envs",
            [
                "id varchar(36) NOT NULL", "name varchar(64) NOT NULL",
                "auth_url varchar(255) NOT NULL", "project_domain_name varchar(64) NOT NULL",
                "user_domain_name varchar(64) NOT NULL", "project_name varchar(64) NOT NULL",
                "username varchar(255) NOT NULL", "password varchar(255) NOT NULL",
                "region varchar(255) NOT NULL",
            ]
        ),
    ]

    static let names = tables.map(\.name)

    /// Columns that both variants have: a table without them is somebody else's.
    static let required = [
        "guestos": ["id", "name"], "build_log": ["id", "image_name"],
        "testcases": ["id", "name"], "test_log": ["id", "result"],
        "release_log": ["id", "glance_id"], "envs": ["id", "name", "auth_url", "password"],
    ]

    /// Columns that stay empty in some rows, and that one variant does not allow to be.
    static let optional = [
        "build_log": ["os_id", "os_name", "build_at", "update_contents", "get_url"],
        "test_log": ["build_id", "case_id", "image_name", "case_name", "test_at"],
        "release_log": ["env_id", "env_name", "glance_id", "release_at"],
    ]

    /// One variant refers to rows by id, the other by name.
    struct Reference: Sendable {
        var table, id, name, target, key: String
    }

    static let references = [
        Reference(table: "build_log", id: "os_id", name: "os_name", target: "guestos", key: "name"),
        Reference(
            table: "test_log", id: "build_id", name: "image_name", target: "build_log",
            key: "image_name"),
        Reference(
            table: "test_log", id: "case_id", name: "case_name", target: "testcases", key: "name"),
        Reference(
            table: "release_log", id: "env_id", name: "env_name", target: "envs", key: "name"),
    ]

    static let changes: [SchemaChange] =
        // First: a column that is added to a table of another character set would have it too.
        [.step { try ForeignKeys.modernise(names, $0) }]
        + tables.map { .historicTable($0.name, $0.columns) }
        + [
            .step { transaction in
                for (table, columns) in optional {
                    try transaction.allowNull(columns, in: table)
                }
                for reference in references { try fillIDs(reference, transaction) }
            }
        ]

    private static func fillIDs(
        _ reference: Reference, _ transaction: borrowing SQLTransaction
    ) throws {
        let table = reference.table
        guard try transaction.columnNames(of: table).contains(reference.name) else { return }
        try transaction.execute(
            "UPDATE \(table) SET \(reference.id) = (SELECT MIN(t.id) "
                + "FROM \(reference.target) t WHERE t.\(reference.key) = "
                + "\(table).\(reference.name)) WHERE \(reference.id) IS NULL")
    }

    static func fillNames(
        _ reference: Reference, _ transaction: borrowing SQLTransaction
    ) throws {
        let table = reference.table
        try transaction.execute(
            "UPDATE \(table) SET \(reference.name) = (SELECT t.\(reference.key) "
                + "FROM \(reference.target) t WHERE t.id = \(table).\(reference.id)) "
                + "WHERE \(reference.name) IS NULL")
    }
}

/// Schema 6: one historic variant refers to rows by id and the other by name. Existing and new rows
/// get both, so that readers written for either variant keep working.
enum HistoricNames {
    static let changes: [SchemaChange] = [
        .historicColumns(["os_name varchar(255)"], of: "build_log"),
        .historicColumns(["image_name varchar(255)", "case_name varchar(255)"], of: "test_log"),
        .step { transaction in
            for reference in HistoricTables.references {
                try HistoricTables.fillNames(reference, transaction)
            }
        },
        .index("build_log_image", on: "build_log", "image_name, build_at, id"),
    ]
}
