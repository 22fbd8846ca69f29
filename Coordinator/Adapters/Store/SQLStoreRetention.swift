public import CoordinatorCore
import SQLKit

extension SQLStore {
    public func setPinned(
        _ isPinned: Bool, build id: String, epoch: Int64
    ) async throws -> Build? {
        try await changeKept(id, epoch, "pinned = ?", [.bool(isPinned)]) {
            $0.prunedMilliseconds == nil
        }
    }

    public func beginPrune(
        build id: String, atMilliseconds: Int64, epoch: Int64
    ) async throws -> Build? {
        try await changeKept(
            id, epoch, "pruned_ms = ?, prune_pending = 1", [.int(atMilliseconds)]
        ) { $0.isPrunable }
    }

    public func endPrune(build id: String, epoch: Int64) async throws {
        _ = try await changeKept(id, epoch, "prune_pending = 0", []) { _ in true }
    }

    public func halfPruned() async throws -> [Build] {
        try await query(
            BuildRow.select + " WHERE prune_pending = 1 ORDER BY id", [], BuildRow.build)
    }

    /// - Returns: the build as the change leaves it; `nil` where it is not there or not allowed.
    private func changeKept(
        _ id: String, _ epoch: Int64, _ assignments: String, _ values: [SQLValue],
        _ isAllowed: @escaping @Sendable (Build) -> Bool
    ) async throws -> Build? {
        try await repeatable { transaction in
            try Self.fence(epoch, transaction)
            let select = BuildRow.select + " WHERE id = ?"
            let rows = try transaction.query(select + transaction.forUpdate, [.text(id)])
            guard let build = try rows.first.map(BuildRow.build), isAllowed(build) else {
                return nil
            }
            try transaction.execute(
                "UPDATE builds SET \(assignments) WHERE id = ?", values + [.text(id)])
            return try transaction.query(select, [.text(id)]).first.map(BuildRow.build)
        }
    }
}
