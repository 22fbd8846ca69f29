public import CoordinatorCore
import SQLKit

extension SQLStore {
    public func add(_ host: Host, epoch: Int64) async throws {
        try await insert(
            "INSERT INTO hosts (name, address, host_key, drained, created_ms) "
                + "VALUES (?, ?, ?, ?, ?)",
            [
                .text(host.name), .text(host.address), .text(host.hostKey), .bool(host.drained),
                .int(host.createdMilliseconds),
            ], what: "host", name: host.name, epoch: epoch)
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

    public func setDrained(_ drained: Bool, host: String, epoch: Int64) async throws {
        try await change(
            "UPDATE hosts SET drained = ? WHERE name = ?", [.bool(drained), .text(host)],
            what: "host", name: host, epoch: epoch)
    }

    public func removeHost(_ name: String, epoch: Int64) async throws {
        try await change(
            "DELETE FROM hosts WHERE name = ?", [.text(name)], what: "host", name: name,
            epoch: epoch)
    }
}
