import CoordinatorCore
import SQLKit

/// The table `releases`: the columns that are searched by, and the rest as one JSON text. Beside it
/// the historic `release_log`.
enum ReleaseTable {
    private static let all = SQLSelect(
        "SELECT id, document FROM releases", of: RowOrigin(table: "releases")
    ) { row in
        try StoredJSON.decode(Release.self, row.text("document"))
    }

    // MARK: Questions

    static func find(_ id: String) -> SQLSelect<Release> { all.with("WHERE id = ?", [.text(id)]) }

    static func live(
        after: String?, limit: Int, _ access: SQLAccess
    ) async throws -> StorePage<Release> {
        try await access.page(
            byID: all.with("WHERE live = 1"), after: after, limit: limit, all.decode)
    }

    static func page(
        _ filter: ReleaseFilter, limit: Int, _ access: SQLAccess
    ) async throws -> [Release] {
        var conditions = SQLConditions()
        conditions.equal("build", filter.build)
        conditions.equal("guestos", filter.guestOS)
        conditions.equal("environment", filter.environment)
        conditions.isOne(of: filter.states, "state")
        if let prefix = filter.idPrefix {
            // Every character of an id sorts before the tilde.
            conditions.add("id >= ? AND id < ?", [.text(prefix), .text(prefix + "~")])
        }
        return try await access.page(
            of: all, time: "created_ms", conditions, after: filter.after,
            limit: limit)
    }

    // MARK: Changes

    /// A release that is there already stays as it is.
    static func insertOnce(_ release: Release, _ transaction: borrowing SQLTransaction) throws {
        guard try !transaction.holds("releases", id: release.id) else { return }
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

    static func apply(
        _ change: ReleaseChange, _ transaction: borrowing SQLTransaction
    ) throws -> Release? {
        guard let release = try transaction.firstLocked(find(change.release)) else { return nil }
        switch change.effect(on: release) {
        case .refused: return nil
        case .applied: return release
        case .changed(let changed):
            try update(changed, transaction)
            if changed.state.isEnded { try ReleaseNameTable.settle(changed, transaction) }
            guard changed.state == .released else { return changed }
            try log(changed, transaction)
            if let id = changed.undoes, var undone = try transaction.firstLocked(find(id)) {
                undone.state = .rolledBack
                try update(undone, transaction)
            }
            return changed
        }
    }

    static func requestCancel(
        _ id: String, _ transaction: borrowing SQLTransaction
    ) throws -> Release? {
        guard var release = try transaction.firstLocked(find(id)), !release.state.isEnded else {
            return nil
        }
        release.cancelRequested = true
        try update(release, transaction)
        return release
    }

    private static func update(
        _ release: Release, _ transaction: borrowing SQLTransaction
    ) throws {
        try transaction.execute(
            "UPDATE releases SET state = ?, live = ?, document = ? WHERE id = ?",
            [
                .text(release.state.rawValue), .bool(!release.state.isEnded),
                try StoredJSON.encode(release), .text(release.id),
            ])
    }

    // MARK: The historic table

    private static func log(_ release: Release, _ transaction: borrowing SQLTransaction) throws {
        guard let result = release.result else { return }
        try log(
            HistoricRelease(
                id: release.id, environment: release.environment, glanceID: result.remoteID,
                releasedMilliseconds: release.endedMilliseconds ?? 0), transaction)
    }

    /// `glance_id` has 36 characters. The id that a registry gives is longer, and whole in
    /// `releases`.
    private static func log(
        _ release: HistoricRelease, _ transaction: borrowing SQLTransaction
    ) throws {
        try transaction.execute(
            "INSERT INTO release_log (id, env_id, env_name, glance_id, release_at) "
                + "VALUES (?, ?, ?, ?, ?)",
            [
                .text(release.id),
                .text(
                    orNull: try HistoricLookup(.environments)
                        .id(of: release.environment, transaction)),
                .text(release.environment),
                .text(String(release.glanceID.unicodeScalars.prefix(36))),
                .text(SQLDateTime.text(release.releasedMilliseconds)),
            ])
    }

    static func logOnce(
        _ release: HistoricRelease, _ transaction: borrowing SQLTransaction
    ) throws {
        guard try !transaction.holds("release_log", id: release.id) else { return }
        try log(release, transaction)
    }
}
