import CoordinatorCore
import CoordinatorService
import HTTPTypes

/// What a coordinator stores: how much of it there is, and what of it cannot be used.
enum StorageRoutes {
    struct Storage: Encodable {
        struct Amount: Encodable {
            var id, rule: String
            var items: Int
            var bytes: Int64?
        }

        var unusableRows: [UnusableRow]
        /// `nil` until everything was measured once.
        var measuredAt: String?
        var growing: [Amount]?
        /// `nil` if the web root cannot be measured.
        var webRootFreeBytes: Int64?
    }

    static func add(to router: inout Router, _ api: APIContext) {
        router.on("GET", "/api/v1/storage") { _, _ in try .json(await storage(api)) }
    }

    static func storage(_ api: APIContext) async -> Storage {
        var storage = Storage(unusableRows: await api.ports.store.unusableRows())
        storage.webRootFreeBytes = try? await api.ports.webRoot.freeBytes()
        guard let reading = await api.coordinator.leader?.storage.reading else { return storage }
        storage.measuredAt = Time.text(reading.atMilliseconds)
        storage.growing = reading.amounts.map { data, amount in
            Storage.Amount(
                id: data.id, rule: data.rule, items: amount.items, bytes: amount.bytes)
        }
        return storage
    }
}
