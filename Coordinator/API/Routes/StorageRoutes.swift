import CoordinatorCore
import CoordinatorService
import HTTPTypes

/// What a coordinator stores: what of it cannot be used.
enum StorageRoutes {
    struct Storage: Encodable {
        var unusableRows: [UnusableRow]
    }

    static func add(to router: inout Router, _ api: APIContext) {
        router.on("GET", "/api/v1/storage") { _, _ in
            try .json(Storage(unusableRows: await api.ports.store.unusableRows()))
        }
    }
}
