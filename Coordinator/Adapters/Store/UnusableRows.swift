import CoordinatorCore
import Support
import Synchronization

/// The rows that lists left out, each of which is logged once.
final class UnusableRows: Sendable {
    private struct Key: Hashable {
        var table, id: String
    }

    private let rows = Mutex<[Key: UnusableRow]>([:])
    private let log = Logger("store")

    /// Sorted by table and id.
    var all: [UnusableRow] {
        rows.withLock { Array($0.values) }.sorted { ($0.table, $0.id) < ($1.table, $1.id) }
    }

    var isEmpty: Bool { rows.withLock(\.isEmpty) }

    func note(_ row: UnusableRow) {
        let key = Key(table: row.table, id: row.id)
        let isNew = rows.withLock { rows in
            if let known = rows[key] {
                rows[key]?.reason = row.reason
                return known.reason != row.reason
            }
            guard rows.count < StoreLimits.unusableRows else { return false }
            rows[key] = row
            return true
        }
        if isNew { log.error("set aside the row '\(row.id)' of \(row.table): \(row.reason)") }
    }

    /// Forgets a row that was read, as somebody has repaired it.
    func clear(table: String, id: String) {
        rows.withLock { $0[Key(table: table, id: id)] = nil }
    }
}
