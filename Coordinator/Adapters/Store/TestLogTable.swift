import BuildProtocol
import CoordinatorCore
import SQLKit

/// The historic table `test_log`, where any column but the id may be empty.
enum TestLogTable {
    static func records(ofBuild id: String) -> SQLSelect<TestRecord> {
        SQLSelect(
            "SELECT l.id, l.build_id, l.case_id, l.result, l.test_at, l.image_name, l.case_name, "
                + "l.attempt, l.milliseconds, l.detail, l.log_from, l.log_to, c.name AS known_name "
                + "FROM test_log l LEFT JOIN testcases c ON c.id = l.case_id "
                + "WHERE l.build_id = ? ORDER BY l.test_at, l.id", [.text(id)],
            of: RowOrigin(table: "test_log"), record)
    }

    static func insert(_ record: TestRecord, _ transaction: borrowing SQLTransaction) throws {
        do throws(SQLError) {
            try insert(record, caseID: record.caseID, transaction)
        } catch {
            // With a foreign key of the team's: the test case was removed while the test ran. A
            // build whose results cannot be recorded would never end.
            guard error.code == .constraint, record.caseID != nil else { throw error }
            try insert(record, caseID: nil, transaction)
        }
    }

    private static func insert(
        _ record: TestRecord, caseID: String?, _ transaction: borrowing SQLTransaction
    ) throws(SQLError) {
        try transaction.execute(
            "INSERT INTO test_log (id, build_id, case_id, result, test_at, image_name, case_name, "
                + "attempt, milliseconds, detail, log_from, log_to) "
                + "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                .text(record.id), .text(record.build), .text(orNull: caseID),
                .text(record.result.result.rawValue),
                .text(SQLDateTime.text(record.testedMilliseconds)), .text(record.imageName),
                .text(record.result.name), .text(orNull: record.attempt?.text),
                .int(record.result.milliseconds), .text(record.result.detail),
                .int(record.result.logFrom), .int(record.result.logTo),
            ])
    }

    /// The ids of the one historic variant are looked up, the names of the other are kept.
    static func insertOnce(_ test: HistoricTest, _ transaction: borrowing SQLTransaction) throws {
        guard try !transaction.holds("test_log", id: test.id) else { return }
        let build = try HistoricLookup(.images).id(of: test.imageName, transaction)
        let testCase = try HistoricLookup.id("testcases", "name", of: test.caseName, transaction)
        try transaction.execute(
            "INSERT INTO test_log (id, build_id, case_id, image_name, case_name, result, "
                + "test_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                .text(test.id), .text(orNull: build), .text(orNull: testCase),
                .text(test.imageName), .text(test.caseName), .text(test.result),
                .text(SQLDateTime.text(test.testedMilliseconds)),
            ])
    }

    private static func record(_ row: SQLRow) throws -> TestRecord {
        let result = try row.textOrNil("result")?.lowercased() ?? ""
        let name = try row.textOrNil("case_name") ?? row.textOrNil("known_name") ?? ""
        return TestRecord(
            id: try row.text("id"), build: try row.text("build_id"),
            caseID: try row.textOrNil("case_id"),
            attempt: try row.textOrNil("attempt").flatMap(AttemptToken.init),
            imageName: try row.textOrNil("image_name") ?? "",
            result: TestResult(
                name: name, result: verdict(result),
                milliseconds: try row.int64OrNil("milliseconds") ?? 0,
                detail: try row.textOrNil("detail") ?? "",
                logFrom: try row.int64OrNil("log_from") ?? 0,
                logTo: try row.int64OrNil("log_to") ?? 0),
            testedMilliseconds: try row.textOrNil("test_at").flatMap(SQLDateTime.unixMilliseconds)
                ?? 0)
    }

    /// Jobs reported to the original AIBuild in terms of their own.
    private static func verdict(_ text: String) -> TestResult.Verdict {
        switch text {
        case "passed", "pass", "success", "succeed", "ok", "true", "1": .passed
        case "failed", "fail", "failure", "false", "0": .failed
        default: .error
        }
    }
}
