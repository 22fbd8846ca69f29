import BuildProtocol
import CoordinatorCore
import SQLKit

/// The tables `attempts` and `artifacts`.
enum AttemptTable {
    /// Schema 13: when the slot on the host was free, for estimates.
    static let changes: [SchemaChange] = [.columns(["left_ms bigint"], of: "attempts")]

    private static let all = SQLSelect(
        "SELECT token, build, ordinal, stage, host, started_ms, ended_ms, left_ms, fault_class, "
            + "fault_code, fault_reason, exit_code, log_bytes, log_sha256, accelerator, "
            + "host_variables FROM attempts",
        of: RowOrigin(table: "attempts", key: "token"), attempt)

    static func find(_ token: AttemptToken) -> SQLSelect<Attempt> {
        all.with("WHERE token = ?", [.text(token.text)])
    }

    static func all(ofBuild id: String) -> SQLSelect<Attempt> {
        all.with("WHERE build = ? ORDER BY ordinal", [.text(id)])
    }

    /// Those of the live builds with these ids.
    static func ofLiveBuilds(after: String?, through last: String) -> SQLSelect<Attempt> {
        let range = [SQLValue.text(after ?? ""), .text(last)]
        return all.with(
            "WHERE build > ? AND build <= ? AND build IN (SELECT id FROM builds WHERE live = 1 "
                + "AND id > ? AND id <= ?) ORDER BY build, ordinal", range + range)
    }

    static func artifacts(of token: AttemptToken) -> SQLSelect<Artifact> {
        SQLSelect(
            "SELECT attempt, name, size_bytes, sha256, format, virtual_size_bytes "
                + "FROM artifacts WHERE attempt = ? ORDER BY position", [.text(token.text)],
            of: RowOrigin(table: "artifacts", key: "attempt"), artifact)
    }

    /// Older versions stored the digests of chunks, which nobody needs after the transfer.
    static func dropChunks(
        ofBuild id: String, _ transaction: borrowing SQLTransaction
    ) throws {
        try transaction.execute(
            "UPDATE artifacts SET chunk_sha256 = '' WHERE chunk_sha256 <> '' AND attempt IN "
                + "(SELECT token FROM attempts WHERE build = ?)", [.text(id)])
    }

    static func begin(
        _ attempt: Attempt, _ transaction: borrowing SQLTransaction
    ) throws {
        try transaction.execute(
            "INSERT INTO attempts (token, build, ordinal, stage, host, started_ms, "
                + "host_variables) VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                .text(attempt.token.text), .text(attempt.build), .int(attempt.ordinal),
                .text(attempt.stage.rawValue), .text(attempt.host),
                .int(attempt.startedMilliseconds),
                attempt.hostVariables.isEmpty
                    ? .null : try StoredJSON.encode(attempt.hostVariables),
            ])
    }

    static func end(
        _ token: AttemptToken, _ end: AttemptEnd, _ atMilliseconds: Int64,
        _ transaction: borrowing SQLTransaction
    ) throws {
        try transaction.execute(
            "UPDATE attempts SET ended_ms = ?, left_ms = ?, fault_class = ?, fault_code = ?, "
                + "fault_reason = ?, exit_code = ?, log_bytes = ?, log_sha256 = ?, "
                + "accelerator = ? WHERE token = ?",
            [.int(atMilliseconds), .int(orNull: end.leftHostMilliseconds)]
                + FaultColumns.values(end.outcome.fault) + [
                    .int(orNull: end.outcome.exitCode.map { Int64($0) }),
                    .int(orNull: end.logBytes),
                    .text(orNull: end.logSHA256), .text(orNull: end.accelerator?.rawValue),
                    .text(token.text),
                ])
        for (position, artifact) in end.artifacts.enumerated() {
            try transaction.execute(
                "INSERT INTO artifacts (attempt, position, name, size_bytes, sha256, format, "
                    + "virtual_size_bytes, chunk_sha256) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    .text(token.text), .int(position), .text(artifact.name),
                    .int(artifact.sizeBytes), .text(artifact.sha256),
                    .text(artifact.format.rawValue),
                    // Digests of chunks are for the transfer, which is over.
                    .int(orNull: artifact.virtualSizeBytes), .text(""),
                ])
        }
    }

    private static func attempt(_ row: SQLRow) throws -> Attempt {
        let text = try row.text("token")
        guard let token = AttemptToken(text) else {
            throw SQLError(.unexpectedValue, "'\(text)' in the table attempts is not a token")
        }
        let ended = try row.int64OrNil("ended_ms")
        let outcome = Outcome(
            fault: try FaultColumns.fault(row), exitCode: try row.intOrNil("exit_code"))
        var attempt = Attempt(
            token: token, build: try row.text("build"), ordinal: try row.int("ordinal"),
            stage: try StageColumn.stage(row), host: try row.text("host"),
            startedMilliseconds: try row.int64("started_ms"),
            endedMilliseconds: ended, leftHostMilliseconds: try row.int64OrNil("left_ms"),
            outcome: ended == nil ? nil : outcome,
            logBytes: try row.int64OrNil("log_bytes"),
            logSHA256: try row.textOrNil("log_sha256"),
            accelerator: try row.textOrNil("accelerator").flatMap(Accelerator.init))
        if let own = try row.textOrNil("host_variables") {
            attempt.hostVariables = try StoredJSON.decode([String: String].self, own)
        }
        return attempt
    }

    private static func artifact(_ row: SQLRow) throws -> Artifact {
        Artifact(
            name: try row.text("name"), sizeBytes: try row.int64("size_bytes"),
            sha256: try row.text("sha256"), format: ImageFormat(word: try row.text("format")),
            virtualSizeBytes: try row.int64OrNil("virtual_size_bytes"))
    }
}
