import SQLKit

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
