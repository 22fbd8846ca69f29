import CoordinatorCore
import SQLKit

/// The historic table `testcases`. A row of the original AIBuild may have no more than an id and a
/// name.
enum TestCaseTable {
    private static let rows = RowOrigin(table: "testcases")

    static func all(_ osType: OSType?) -> SQLSelect<TestCase> {
        // The original AIBuild did not care about the case of a type.
        let condition = osType == nil ? "" : "WHERE LOWER(os_type) = ? "
        return SQLSelect(
            "SELECT id, name, os_type, definition FROM testcases \(condition)ORDER BY name, id",
            osType.map { [.text($0.rawValue)] } ?? [], of: rows
        ) { row in
            TestCase(
                id: try row.text("id"), name: try row.textOrNil("name") ?? "",
                osType: (try row.textOrNil("os_type")?.lowercased()).flatMap(OSType.init)
                    ?? .linux,
                definition: try row.textOrNil("definition").map {
                    try StoredJSON.decode(TestDefinition.self, $0)
                })
        }
    }

    static func insert(_ testCase: TestCase, _ transaction: borrowing SQLTransaction) throws {
        // The original AIBuild kept duplicates, so that no index can refuse them.
        let known = SQLSelect(
            "SELECT id FROM testcases WHERE name = ? AND os_type = ?",
            [.text(testCase.name), .text(testCase.osType.rawValue)], of: rows
        ) { try $0.text("id") }
        if let id = try transaction.firstLocked(known) {
            guard id == testCase.id else {
                throw StoreError.exists(what: .testCase, name: testCase.name)
            }
        }
        try insertOnce(testCase, transaction)
    }

    static func insertOnce(_ testCase: TestCase, _ transaction: borrowing SQLTransaction) throws {
        guard try !transaction.holds("testcases", id: testCase.id) else { return }
        try transaction.execute(
            "INSERT INTO testcases (id, name, os_type, definition) VALUES (?, ?, ?, ?)",
            [
                .text(testCase.id), .text(testCase.name), .text(testCase.osType.rawValue),
                try definition(of: testCase),
            ])
    }

    static func define(_ testCase: TestCase, _ transaction: borrowing SQLTransaction) throws {
        try transaction.change(
            "UPDATE testcases SET definition = ? WHERE id = ?",
            [try definition(of: testCase), .text(testCase.id)], what: .testCase,
            name: testCase.id)
    }

    static func remove(_ id: String, _ transaction: borrowing SQLTransaction) throws {
        try transaction.remove(
            "DELETE FROM testcases WHERE id = ?", [.text(id)], what: .testCase, name: id)
    }

    private static func definition(of testCase: TestCase) throws -> SQLValue {
        try testCase.definition.map(StoredJSON.encode) ?? .null
    }
}
