import CoordinatorCore
import SQLKit

enum HostTable {
    static let all = SQLSelect(
        "SELECT name, address, host_key, drained, created_ms FROM hosts ORDER BY name",
        of: RowOrigin(table: "hosts", key: "name")
    ) { row in
        Host(
            name: try row.text("name"), address: try row.text("address"),
            hostKey: try row.text("host_key"), drained: try row.bool("drained"),
            createdMilliseconds: try row.int64("created_ms"))
    }

    static func insert(_ host: Host, _ transaction: borrowing SQLTransaction) throws {
        try transaction.insert(
            "INSERT INTO hosts (name, address, host_key, drained, created_ms) "
                + "VALUES (?, ?, ?, ?, ?)",
            [
                .text(host.name), .text(host.address), .text(host.hostKey), .bool(host.drained),
                .int(host.createdMilliseconds),
            ], what: "host", name: host.name)
    }

    static func update(_ host: Host, _ transaction: borrowing SQLTransaction) throws {
        try transaction.change(
            "UPDATE hosts SET address = ?, host_key = ? WHERE name = ?",
            [.text(host.address), .text(host.hostKey), .text(host.name)], what: "host",
            name: host.name)
    }

    static func setDrained(
        _ drained: Bool, host: String, _ transaction: borrowing SQLTransaction
    ) throws {
        try transaction.change(
            "UPDATE hosts SET drained = ? WHERE name = ?", [.bool(drained), .text(host)],
            what: "host", name: host)
    }

    static func remove(_ name: String, _ transaction: borrowing SQLTransaction) throws {
        try transaction.change(
            "DELETE FROM hosts WHERE name = ?", [.text(name)], what: "host", name: name)
    }
}
