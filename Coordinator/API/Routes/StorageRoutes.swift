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

    private static let metricsType = "text/plain; version=0.0.4; charset=utf-8"

    static func add(to router: inout Router, _ api: APIContext) {
        router.on("GET", "/api/v1/storage") { _, _ in try .json(await storage(api)) }
        router.on("GET", "/metrics") { _, _ in
            .text(metrics(await storage(api)), type: metricsType)
        }
    }

    private static func storage(_ api: APIContext) async -> Storage {
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

    /// As Prometheus reads it.
    private static func metrics(_ storage: Storage) -> String {
        let growing = storage.growing ?? []
        return gauge(
            "aibuild_unusable_rows", "Rows of the database that cannot be used.",
            [("", "\(storage.unusableRows.count)")])
            + gauge(
                "aibuild_stored_items", "Files, repositories or rows of what grows.",
                growing.map { ("{kind=\"\($0.id)\"}", "\($0.items)") })
            + gauge(
                "aibuild_stored_bytes", "Bytes on the disk of what grows.",
                growing.compactMap { amount in
                    amount.bytes.map { ("{kind=\"\(amount.id)\"}", "\($0)") }
                })
            + gauge(
                "aibuild_web_root_free_bytes", "Room for images on the web root's disk.",
                [storage.webRootFreeBytes.map { ("", "\($0)") }].compactMap(\.self))
    }

    private static func gauge(
        _ name: String, _ help: String, _ samples: [(labels: String, value: String)]
    ) -> String {
        guard !samples.isEmpty else { return "" }
        return "# HELP \(name) \(help)\n# TYPE \(name) gauge\n"
            + samples.map { "\(name)\($0.labels) \($0.value)\n" }.joined()
    }
}
