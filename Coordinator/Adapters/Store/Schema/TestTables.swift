import SQLKit

/// Schema 5: builds have stages, test cases have definitions, and a result says which part of which
/// attempt's log it comes from.
enum TestTables {
    @Sendable static func migrate(_ transaction: borrowing SQLTransaction) throws {
        // Builds from before image tests had one stage.
        for table in ["builds", "attempts"] {
            try transaction.addColumns(
                [("stage", "varchar(16) NOT NULL DEFAULT 'build'")], to: table)
        }
        try transaction.addColumns([("definition", "longtext")], to: "testcases")
        try transaction.addColumns(
            [
                ("attempt", "varchar(32)"), ("milliseconds", "bigint"), ("detail", "longtext"),
                ("log_from", "bigint"), ("log_to", "bigint"),
            ], to: "test_log")
        try transaction.createIndex("test_log_build", on: "test_log", "build_id, test_at, id")
        try transaction.createIndex("testcases_type", on: "testcases", "os_type, name")
    }
}
