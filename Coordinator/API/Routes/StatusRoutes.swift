import BuildProtocol
import CoordinatorCore
import CoordinatorService
import HTTPTypes

enum StatusRoutes {
    struct Version: Encodable { var version, `protocol`: String }
    struct Ready: Encodable { var ready = true }

    static func add(to router: inout Router, _ api: APIContext) {
        router.on("GET", "/healthz") { _, _ in .text("ok\n") }
        router.on("GET", "/readyz") { _, _ in
            do { try await api.ports.store.ping() } catch {
                throw Problem.unavailable("the store cannot be used: \(error)")
            }
            do { _ = try await api.ports.webRoot.freeBytes() } catch {
                throw Problem.unavailable("the web root cannot be used: \(error)")
            }
            return try .json(Ready())
        }
        router.on("GET", "/api/v1/version") { _, _ in
            try .json(
                Version(
                    version: api.version, protocol: ProtocolVersion.current.description))
        }
    }
}
