import CoordinatorCore
import SQLKit

/// The table `leadership_fences`: the leader's epoch, in several rows.
///
/// Every transaction of a leader changes one of the rows, so that it and a takeover, which changes
/// all of them, exclude each other: by a lock on one server, by the write set between the nodes of
/// a Galera cluster. A check that only reads would let a leader commit that was paused after it.
/// One row would let the leader's transactions wait for each other's COMMIT.
enum FenceTable {
    /// Several times the connections of a coordinator, so that two rarely meet at one row.
    static let rows = 64

    /// - Returns: whether this epoch leads; if so, until the transaction ends.
    static func hold(
        _ epoch: LeaseEpoch, _ transaction: borrowing SQLTransaction
    ) throws -> Bool {
        let found = try transaction.execute(
            "UPDATE leadership_fences SET writes = writes + 1 WHERE id = ? AND epoch = ?",
            [.int(Int.random(in: 1...rows)), .int(epoch.number)])
        return found == 1
    }

    /// Returns once the leader's transactions that are under way at other rows have ended.
    static func waitForOthers(_ transaction: borrowing SQLTransaction) throws {
        try transaction.execute("UPDATE leadership_fences SET writes = writes + 1")
    }

    /// Waits for the transactions under way that hold the fence, then lets none of other epochs
    /// pass.
    static func set(_ epoch: Int64, _ transaction: borrowing SQLTransaction) throws {
        let found = try transaction.execute(
            "UPDATE leadership_fences SET epoch = ?", [.int(epoch)])
        guard found != rows else { return }
        // The table is new, or somebody has emptied it.
        try transaction.execute("DELETE FROM leadership_fences")
        for id in 1...rows {
            try transaction.execute(
                "INSERT INTO leadership_fences (id, epoch, writes) VALUES (?, ?, 0)",
                [.int(id), .int(epoch)])
        }
    }
}
