import CoordinatorCore
import SQLKit

/// A release as a row of `releases`: the columns that it is looked for by, and the rest as one JSON
/// text.
enum ReleaseRow {
    static let select = "SELECT document FROM releases"

    static func release(_ row: SQLRow) throws -> Release {
        try StoredJSON.decode(Release.self, row.text("document"))
    }

    /// One that is there already stays as it is.
    static func insert(_ release: Release, _ transaction: borrowing SQLTransaction) throws {
        let known = try transaction.query(
            "SELECT id FROM releases WHERE id = ?", [.text(release.id)])
        guard known.isEmpty else { return }
        try transaction.execute(
            "INSERT INTO releases (id, build, guestos, environment, state, live, created_ms, "
                + "document) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [
                .text(release.id), .text(release.build), .text(release.guestOS),
                .text(release.environment), .text(release.state.rawValue),
                .bool(!release.state.isEnded), .int(release.createdMilliseconds),
                try StoredJSON.encode(release),
            ])
    }

    static func update(_ release: Release, _ transaction: borrowing SQLTransaction) throws {
        try transaction.execute(
            "UPDATE releases SET state = ?, live = ?, document = ? WHERE id = ?",
            [
                .text(release.state.rawValue), .bool(!release.state.isEnded),
                try StoredJSON.encode(release), .text(release.id),
            ])
    }

    static func find(_ id: String, _ transaction: borrowing SQLTransaction) throws -> Release? {
        try transaction.query(
            select + " WHERE id = ?" + transaction.forUpdate, [.text(id)]
        ).first.map(release)
    }

    /// The historic `release_log`. Its `glance_id` has 36 characters; what a registry gives is
    /// longer, and whole in `releases`.
    static func log(_ release: Release, _ transaction: borrowing SQLTransaction) throws {
        guard let result = release.result else { return }
        try log(
            HistoricRelease(
                id: release.id, environment: release.environment, glanceID: result.remoteID,
                releasedMilliseconds: release.endedMilliseconds ?? 0), transaction)
    }

    static func log(
        _ release: HistoricRelease, _ transaction: borrowing SQLTransaction
    ) throws {
        try transaction.execute(
            "INSERT INTO release_log (id, env_id, env_name, glance_id, release_at) "
                + "VALUES (?, ?, ?, ?, ?)",
            [
                .text(release.id),
                .text(orNull: try transaction.historicID("envs", release.environment)),
                .text(release.environment),
                .text(String(release.glanceID.unicodeScalars.prefix(36))),
                .text(SQLDateTime.text(release.releasedMilliseconds)),
            ])
    }
}
