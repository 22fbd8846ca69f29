import BuildProtocol
import CoordinatorAdapters
import CoordinatorCore
import SQLKit
import Support
import TestSupport
import Testing

/// Sizes of real folders and tables.
@Suite(.timeLimit(.minutes(1))) struct StorageMeterTests {
    @Test("Files, mirrors and rows are counted, each in its place")
    func everyPlace() async throws {
        let temporary = try TemporaryFolder()
        let root = temporary.path
        let store = try await SQLStore.open(.sqlite(path: root + "/db"))
        let meter = FarmStorageMeter(
            webRoot: root + "/web", logs: root + "/logs", templates: root + "/templates",
            store: store)
        func measured(_ id: String) async throws -> StoredAmount {
            guard let data = GrowingData.all.first(where: { $0.id == id }) else {
                throw Failure("no data is called \(id)")
            }
            return try await meter.measure(data)
        }
        #expect(try await measured("images") == StoredAmount(items: 0, bytes: 0), "no folder")
        let files = [
            "web/images/build/a/1.qcow2", "web/images/build/b/2.qcow2", "web/other",
            "logs/00/a.ndjson", "templates/a.tar", "templates/git/m1/HEAD",
            "templates/git/m1/objects/o", "templates/git/m2/HEAD",
        ]
        for file in files {
            let path = "\(root)/\(file)"
            try Files.makeFolder(Files.folder(of: path))
            try Files.replace(path, with: [UInt8](repeating: 7, count: 10_000))
        }
        for (id, count) in [
            ("images", 2), ("logs", 1), ("template_archives", 1), ("git_mirrors", 2),
        ] {
            let amount = try await measured(id)
            #expect(amount.items == count, "\(id)")
            #expect(amount.bytes ?? 0 >= 10_000, "\(id)")
        }
        try await store.record(
            AuditEntry(atMilliseconds: 1, actor: "a", action: "b", subject: "c"))
        #expect(try await measured("audit") == StoredAmount(items: 1))
        for data in GrowingData.all {
            await #expect(throws: Never.self, "\(data.id)") { _ = try await meter.measure(data) }
        }
        await store.close()
    }
}
