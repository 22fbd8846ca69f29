import CoordinatorCore
import SQLKit
import TextKit

/// The table `trigger_state`: one row for each guest OS whose template has been read for its
/// triggers. The row of one that was removed goes with it.
enum TriggerTable {
    /// Schema 17.
    static let changes: [SchemaChange] = [
        .table(
            "trigger_state",
            ["id varchar(36) NOT NULL", "revision bigint NOT NULL", "document longtext NOT NULL"],
            key: "id")
    ]

    private static let all = SQLSelect(
        "SELECT id, revision, document FROM trigger_state WHERE 1 = 1",
        of: RowOrigin(table: "trigger_state")
    ) { row in
        var state = try StoredJSON.decode(TriggerState.self, row.text("document"))
        state.guestOSID = try row.text("id")
        state.revision = try row.int64("revision")
        return state
    }

    static func find(_ id: String) -> SQLSelect<TriggerState> {
        all.with("AND id = ?", [.text(id)])
    }

    static func page(
        after: String?, limit: Int, _ access: SQLAccess
    ) async throws -> StorePage<TriggerState> {
        try await access.page(byID: all, after: after, limit: limit, all.decode)
    }

    /// Runs again after a lost answer: it finds its own row then.
    static func save(
        _ state: TriggerState, _ transaction: borrowing SQLTransaction
    ) throws -> TriggerState? {
        var next = state
        next.revision += 1
        let known = try transaction.query(
            "SELECT revision, document FROM trigger_state WHERE id = ?", [.text(state.guestOSID)]
        ).first
        let revision = try known?.int64("revision") ?? 0
        let document = try CanonicalJSON.text(next)
        if revision == next.revision, try known?.text("document") == document { return next }
        guard revision == state.revision else { return nil }
        guard known == nil else {
            // Another transaction of this leader may have changed it since it was read.
            let changed = try transaction.execute(
                "UPDATE trigger_state SET revision = ?, document = ? WHERE id = ? AND revision = ?",
                [
                    .int(next.revision), .text(document), .text(state.guestOSID),
                    .int(state.revision),
                ])
            return changed == 1 ? next : nil
        }
        let guestOSes = try transaction.query(
            "SELECT id FROM guestos WHERE id = ?", [.text(state.guestOSID)])
        if guestOSes.isEmpty { return nil }
        do throws(SQLError) {
            try transaction.execute(
                "INSERT INTO trigger_state (revision, document, id) VALUES (?, ?, ?)",
                [.int(next.revision), .text(document), .text(state.guestOSID)])
        } catch {
            guard error.code == .constraintUnique else { throw error }
            return nil
        }
        return next
    }

    static func remove(guestOSID: String, _ transaction: borrowing SQLTransaction) throws {
        try transaction.execute("DELETE FROM trigger_state WHERE id = ?", [.text(guestOSID)])
    }
}
