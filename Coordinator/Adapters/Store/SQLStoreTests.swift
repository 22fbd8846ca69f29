import BuildProtocol
public import CoordinatorCore
import SQLKit

extension SQLStore {
    public func add(_ testCase: TestCase, epoch: Int64) async throws {
        let values: [SQLValue] = [
            .text(testCase.id), .text(testCase.name), .text(testCase.osType.rawValue),
            try testCase.definition.map(StoredJSON.encode) ?? .null,
        ]
        let isAdded = try await repeatable { transaction in
            try Self.fence(epoch, transaction)
            // The original kept doubles, so no index can refuse them.
            let known = try transaction.query(
                "SELECT id FROM testcases WHERE name = ? AND os_type = ?" + transaction.forUpdate,
                [.text(testCase.name), .text(testCase.osType.rawValue)])
            if let row = known.first { return try row.text("id") == testCase.id }
            try transaction.execute(
                "INSERT INTO testcases (id, name, os_type, definition) VALUES (?, ?, ?, ?)",
                values)
            return true
        }
        guard isAdded else { throw StoreError.exists(what: "test case", name: testCase.name) }
    }

    public func testCases(_ osType: OSType?) async throws -> [TestCase] {
        // The original did not mind the case of a type.
        let condition = osType == nil ? "" : " WHERE LOWER(os_type) = ?"
        return try await query(
            "SELECT id, name, os_type, definition FROM testcases" + condition
                + " ORDER BY name, id", osType.map { [.text($0.rawValue)] } ?? [],
            TestRow.testCase)
    }

    public func define(_ testCase: TestCase, epoch: Int64) async throws {
        let definition = try testCase.definition.map(StoredJSON.encode) ?? .null
        let isThere = try await repeatable { transaction in
            try Self.fence(epoch, transaction)
            // MariaDB does not count a row that is what it was.
            let known = try transaction.query(
                "SELECT id FROM testcases WHERE id = ?" + transaction.forUpdate,
                [.text(testCase.id)])
            try transaction.execute(
                "UPDATE testcases SET definition = ? WHERE id = ?",
                [definition, .text(testCase.id)])
            return !known.isEmpty
        }
        guard isThere else { throw StoreError.notFound(what: "test case", name: testCase.id) }
    }

    public func removeTestCase(id: String, epoch: Int64) async throws {
        try await change(
            "DELETE FROM testcases WHERE id = ?", [.text(id)], what: "test case", name: id,
            epoch: epoch)
    }

    public func testRecords(ofBuild id: String) async throws -> [TestRecord] {
        try await query(
            "SELECT l.id, l.build_id, l.case_id, l.result, l.test_at, l.image_name, l.case_name, "
                + "l.attempt, l.milliseconds, l.detail, l.log_from, l.log_to, c.name AS known_name "
                + "FROM test_log l LEFT JOIN testcases c ON c.id = l.case_id "
                + "WHERE l.build_id = ? ORDER BY l.test_at, l.id", [.text(id)], TestRow.record)
    }
}

/// Rows of the historic tables `testcases` and `test_log`, where any column but the id may be
/// empty.
enum TestRow {
    static func insert(
        _ record: TestRecord, _ transaction: borrowing SQLTransaction
    ) throws {
        try transaction.execute(
            "INSERT INTO test_log (id, build_id, case_id, result, test_at, image_name, case_name, "
                + "attempt, milliseconds, detail, log_from, log_to) "
                + "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                .text(record.id), .text(record.build), .text(orNull: record.caseID),
                .text(record.result.result.rawValue),
                .text(SQLDateTime.text(record.testedMilliseconds)), .text(record.imageName),
                .text(record.result.name), .text(orNull: record.attempt?.text),
                .int(record.result.milliseconds), .text(record.result.detail),
                .int(record.result.logFrom), .int(record.result.logTo),
            ])
    }

    static func record(_ row: SQLRow) throws -> TestRecord {
        let word = try row.textOrNil("result")?.lowercased() ?? ""
        let name = try row.textOrNil("case_name") ?? row.textOrNil("known_name") ?? ""
        return TestRecord(
            id: try row.text("id"), build: try row.text("build_id"),
            caseID: try row.textOrNil("case_id"),
            attempt: try row.textOrNil("attempt").flatMap(AttemptToken.init),
            imageName: try row.textOrNil("image_name") ?? "",
            result: TestResult(
                name: name, result: verdict(word),
                milliseconds: try row.int64OrNil("milliseconds") ?? 0,
                detail: try row.textOrNil("detail") ?? "",
                logFrom: try row.int64OrNil("log_from") ?? 0,
                logTo: try row.int64OrNil("log_to") ?? 0),
            testedMilliseconds: try row.textOrNil("test_at").flatMap(SQLDateTime.unixMilliseconds)
                ?? 0)
    }

    /// The words of those who reported to the original AIBuild are their own.
    private static func verdict(_ word: String) -> TestResult.Verdict {
        switch word {
        case "passed", "pass", "success", "succeed", "ok", "true", "1": .passed
        case "failed", "fail", "failure", "false", "0": .failed
        default: .error
        }
    }

    /// Rows of the original AIBuild may have no more than an id and a name.
    static func testCase(_ row: SQLRow) throws -> TestCase {
        TestCase(
            id: try row.text("id"), name: try row.textOrNil("name") ?? "",
            osType: (try row.textOrNil("os_type")?.lowercased()).flatMap(OSType.init) ?? .linux,
            definition: try row.textOrNil("definition").map {
                try StoredJSON.decode(TestDefinition.self, $0)
            })
    }
}
