public import CoordinatorCore
import SQLKit

extension SQLStore {
    public func add(_ host: Host) async throws {
        try await insert(
            "INSERT INTO hosts (name, address, host_key, drained, created_ms) "
                + "VALUES (?, ?, ?, ?, ?)",
            [
                .text(host.name), .text(host.address), .text(host.hostKey), .bool(host.drained),
                .int(host.createdMilliseconds),
            ], what: "host", name: host.name)
    }

    public func hosts() async throws -> [Host] {
        try await query(
            "SELECT name, address, host_key, drained, created_ms FROM hosts ORDER BY name"
        ) { row in
            Host(
                name: try row.text("name"), address: try row.text("address"),
                hostKey: try row.text("host_key"), drained: try row.bool("drained"),
                createdMilliseconds: try row.int64("created_ms"))
        }
    }

    public func setDrained(_ drained: Bool, host: String) async throws {
        let count = try await execute(
            "UPDATE hosts SET drained = ? WHERE name = ?", [.bool(drained), .text(host)])
        guard count > 0 else { throw StoreError.notFound(what: "host", name: host) }
    }

    public func removeHost(_ name: String) async throws {
        let count = try await execute("DELETE FROM hosts WHERE name = ?", [.text(name)])
        guard count > 0 else { throw StoreError.notFound(what: "host", name: name) }
    }
}
