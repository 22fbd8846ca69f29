public import CoordinatorCore
import SQLKit

extension SQLStore {
    public func add(_ release: Release, epoch: Int64) async throws {
        try await repeatable { transaction in
            try Self.fence(epoch, transaction)
            try ReleaseRow.insert(release, transaction)
        }
    }

    public func release(id: String) async throws -> Release? {
        try await query(ReleaseRow.select + " WHERE id = ?", [.text(id)], ReleaseRow.release).first
    }

    public func releases(_ filter: ReleaseFilter, limit: Int) async throws -> [Release] {
        var conditions: [String] = []
        var values: [SQLValue] = []
        for (column, value) in [
            ("build", filter.build), ("guestos", filter.guestOS),
            ("environment", filter.environment),
        ] {
            guard let value else { continue }
            conditions.append("\(column) = ?")
            values.append(.text(value))
        }
        if let states = filter.states {
            guard !states.isEmpty else { return [] }
            conditions.append("state IN (" + states.map { _ in "?" }.joined(separator: ", ") + ")")
            values += states.map(\.rawValue).sorted().map(SQLValue.text)
        }
        if let after = filter.after {
            let rows = try await query(
                "SELECT created_ms FROM releases WHERE id = ?", [.text(after)])
            guard let last = try rows.first?.int64("created_ms") else { return [] }
            conditions.append("created_ms <= ? AND (created_ms < ? OR id < ?)")
            values += [.int(last), .int(last), .text(after)]
        }
        let condition =
            conditions.isEmpty ? "" : " WHERE " + conditions.joined(separator: " AND ")
        return try await query(
            ReleaseRow.select + condition + " ORDER BY created_ms DESC, id DESC LIMIT ?",
            values + [.int(limit)], ReleaseRow.release)
    }

    public func liveReleases() async throws -> [Release] {
        try await query(
            ReleaseRow.select + " WHERE live = 1 ORDER BY created_ms, id", [], ReleaseRow.release)
    }

    public func apply(_ change: ReleaseChange) async throws -> Release? {
        try await repeatable { transaction in
            try Self.fence(change.epoch, transaction)
            guard let release = try ReleaseRow.find(change.release, transaction) else {
                return nil
            }
            switch change.effect(on: release) {
            case .refused: return nil
            case .applied: return release
            case .changed(let changed):
                try ReleaseRow.update(changed, transaction)
                guard changed.state == .released else { return changed }
                try ReleaseRow.log(changed, transaction)
                if let undone = changed.undoes,
                    var release = try ReleaseRow.find(undone, transaction)
                {
                    release.state = .rolledBack
                    try ReleaseRow.update(release, transaction)
                }
                return changed
            }
        }
    }

    public func requestCancel(release id: String, epoch: Int64) async throws -> Release? {
        try await repeatable { transaction in
            try Self.fence(epoch, transaction)
            guard var release = try ReleaseRow.find(id, transaction), !release.state.isEnded else {
                return nil
            }
            release.cancelRequested = true
            try ReleaseRow.update(release, transaction)
            return release
        }
    }
}
