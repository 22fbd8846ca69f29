import BuildProtocol
import CoordinatorCore
import SQLKit

/// The table `remote_images`: what builds made outside their hosts.
enum RemoteImageTable {
    /// Schema 19.
    static let changes: [SchemaChange] = [
        .table(
            "remote_images",
            [
                "attempt varchar(32) NOT NULL", "position integer NOT NULL",
                "build varchar(36) NOT NULL", "builder longtext NOT NULL",
                "type longtext NOT NULL", "identifier longtext", "remove_ms bigint",
                "removed_ms bigint", "tries integer NOT NULL", "problem longtext",
                "FOREIGN KEY (attempt) REFERENCES attempts (token)",
            ], key: "attempt, position"),
        .index("remote_images_build", on: "remote_images", "build, attempt, position"),
        .index("remote_images_due", on: "remote_images", "remove_ms, attempt, position"),
    ]

    private static let all = SQLSelect(
        "SELECT attempt, position, build, builder, type, identifier, remove_ms, removed_ms, "
            + "tries, problem FROM remote_images",
        of: RowOrigin(table: "remote_images", key: "attempt"), image)

    static func all(ofBuild id: String) -> SQLSelect<RecordedImage> {
        all.with("WHERE build = ? ORDER BY attempt, position", [.text(id)])
    }

    /// Without its LIMIT.
    static func due(atMilliseconds now: Int64) -> SQLSelect<RecordedImage> {
        all.with(
            "WHERE remove_ms <= ? OR remove_ms > ? ORDER BY remove_ms, attempt, position",
            [.int(now), .int(now + RemovalRules.longestWaitMilliseconds)])
    }

    static func insert(
        _ image: RecordedImage, _ transaction: borrowing SQLTransaction
    ) throws {
        try transaction.execute(
            "INSERT INTO remote_images (attempt, position, build, builder, type, identifier, "
                + "remove_ms, tries) VALUES (?, ?, ?, ?, ?, ?, ?, 0)",
            [
                .text(image.attempt.text), .int(image.position), .text(image.build),
                .text(image.image.builder), .text(image.image.type),
                .text(orNull: image.image.id), .int(orNull: image.removeMilliseconds),
            ])
    }

    /// Nobody wants those of the build any more.
    static func release(
        ofBuild id: String, atMilliseconds now: Int64, _ transaction: borrowing SQLTransaction
    ) throws {
        try transaction.execute(
            "UPDATE remote_images SET remove_ms = ? "
                + "WHERE build = ? AND remove_ms IS NULL AND removed_ms IS NULL",
            [.int(now), .text(id)])
    }

    static func record(
        _ removal: RecordedImage, _ transaction: borrowing SQLTransaction
    ) throws {
        try transaction.execute(
            "UPDATE remote_images SET remove_ms = ?, removed_ms = ?, tries = ?, problem = ? "
                + "WHERE attempt = ? AND position = ?",
            [
                .int(orNull: removal.removeMilliseconds),
                .int(orNull: removal.removedMilliseconds), .int(removal.tries),
                .text(orNull: removal.problem), .text(removal.attempt.text),
                .int(removal.position),
            ])
    }

    private static func image(_ row: SQLRow) throws -> RecordedImage {
        let text = try row.text("attempt")
        guard let token = AttemptToken(text) else {
            throw SQLError(
                .unexpectedValue, "'\(text)' in the table remote_images is not a token")
        }
        return RecordedImage(
            attempt: token, position: try row.int("position"), build: try row.text("build"),
            image: RemoteImage(
                builder: try row.text("builder"), type: try row.text("type"),
                id: try row.textOrNil("identifier")),
            removeMilliseconds: try row.int64OrNil("remove_ms"),
            removedMilliseconds: try row.int64OrNil("removed_ms"), tries: try row.int("tries"),
            problem: try row.textOrNil("problem"))
    }
}
