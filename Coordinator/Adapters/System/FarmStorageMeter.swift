public import CoordinatorCore
import ProcessKit
import Support

/// Measures the folders of a coordinator and the tables of its database.
public struct FarmStorageMeter: StorageMeter {
    private let webRoot: String
    private let logs: String
    private let templates: String
    private let store: SQLStore

    public init(webRoot: String, logs: String, templates: String, store: SQLStore) {
        self.webRoot = webRoot
        self.logs = logs
        self.templates = templates
        self.store = store
    }

    public func measure(_ data: GrowingData) async throws -> StoredAmount {
        let mirrors = templates + "/git"
        switch data.place {
        case .images: return try await files(below: webRoot + "/images")
        case .logs: return try await files(below: logs)
        case .templateArchives:
            let all = try await files(below: templates)
            let other = try await files(below: mirrors)
            return StoredAmount(
                items: max(0, all.items - other.items),
                bytes: max(0, (all.bytes ?? 0) - (other.bytes ?? 0)))
        case .gitMirrors:
            let bytes = try await files(below: mirrors).bytes
            let count = try await OwnThread.run { try Files.list(mirrors).count }
            return StoredAmount(items: count, bytes: bytes)
        case .table(let name):
            return StoredAmount(items: try await store.rowCount(ofTable: name))
        }
    }

    private func files(below folder: String) async throws -> StoredAmount {
        let usage = try await OwnThread.run { DiskUsage(of: folder) }
        return StoredAmount(items: usage.files, bytes: usage.bytes)
    }
}
