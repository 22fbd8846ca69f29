import CoordinatorCore
import SQLKit

/// The table `retention_state`: one row.
enum RetentionTable {
    /// Schema 12.
    static let changes: [SchemaChange] = [
        .table(
            "retention_state", ["id integer NOT NULL", "document longtext NOT NULL"], key: "id")
    ]

    static let state = SQLSelect(
        "SELECT id, document FROM retention_state WHERE id = 1",
        of: RowOrigin(table: "retention_state")
    ) { row in
        try StoredJSON.decode(RetentionState.self, row.text("document"))
    }

    static func set(_ state: RetentionState, _ transaction: borrowing SQLTransaction) throws {
        try transaction.execute("DELETE FROM retention_state", [])
        try transaction.execute(
            "INSERT INTO retention_state (id, document) VALUES (1, ?)",
            [try StoredJSON.encode(state)])
    }
}
