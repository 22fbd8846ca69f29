import BuildProtocol
import CoordinatorCore
import SQLKit

/// The table `failures`: one row for each attempt that failed, to compare failures by.
enum FailureTable {
    /// Schema 24.
    static let changes: [SchemaChange] = [
        .table(
            "failures",
            [
                "attempt varchar(32) NOT NULL", "build varchar(36) NOT NULL",
                "guestos varchar(255) NOT NULL", "number integer NOT NULL",
                "host varchar(128) NOT NULL", "fingerprint varchar(16) NOT NULL",
                "text longtext NOT NULL", "step longtext", "base_image longtext",
                "commit_id longtext", "at_ms bigint NOT NULL",
            ], key: "attempt"),
        .index("failures_time", on: "failures", "at_ms, attempt"),
        .index("failures_like", on: "failures", "fingerprint, at_ms, attempt"),
        .index("failures_of_guestos", on: "failures", "guestos, at_ms, attempt"),
        .index("failures_of_build", on: "failures", "build, at_ms, attempt"),
    ]

    private static let all = SQLSelect(
        "SELECT attempt, build, guestos, number, host, fingerprint, text, step, base_image, "
            + "commit_id, at_ms FROM failures",
        of: RowOrigin(table: "failures", key: "attempt"), record)

    static func list(_ filter: FailureFilter, limit: Int) -> SQLSelect<FailureRecord> {
        var conditions = SQLConditions()
        if let id = filter.fingerprint { conditions.add("fingerprint = ?", [.text(id)]) }
        if let id = filter.build { conditions.add("build = ?", [.text(id)]) }
        if let name = filter.guestOS { conditions.add("guestos = ?", [.text(name)]) }
        conditions.add("at_ms >= ?", [.int(filter.sinceMilliseconds)])
        return all.with(conditions.sql, conditions.values)
            .with("ORDER BY at_ms DESC, attempt DESC LIMIT ?", [.int(limit)])
    }

    static func insert(
        _ record: FailureRecord, _ transaction: borrowing SQLTransaction
    ) throws {
        try transaction.execute(
            "INSERT INTO failures (attempt, build, guestos, number, host, fingerprint, text, step, "
                + "base_image, commit_id, at_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                .text(record.attempt.text), .text(record.build), .text(record.guestOS),
                .int(record.number), .text(record.host), .text(record.fingerprint.id),
                .text(record.fingerprint.text), .text(orNull: record.fingerprint.step),
                .text(orNull: record.baseImage), .text(orNull: record.commit),
                .int(record.atMilliseconds),
            ])
    }

    private static func record(_ row: SQLRow) throws -> FailureRecord {
        let text = try row.text("attempt")
        guard let token = AttemptToken(text) else {
            throw SQLError(.unexpectedValue, "'\(text)' in the table failures is not a token")
        }
        return FailureRecord(
            attempt: token, build: try row.text("build"), guestOS: try row.text("guestos"),
            number: try row.int("number"), host: try row.text("host"),
            fingerprint: FailureFingerprint(
                id: try row.text("fingerprint"), text: try row.text("text"),
                step: try row.textOrNil("step")),
            baseImage: try row.textOrNil("base_image"), commit: try row.textOrNil("commit_id"),
            atMilliseconds: try row.int64("at_ms"))
    }
}
