import CoordinatorCore
import SQLKit

enum HostTable {
    static let all = SQLSelect(
        "SELECT name, address, host_key, drained, drain_note, drain_until_ms, "
            + "variables, created_ms FROM hosts ORDER BY name",
        of: RowOrigin(table: "hosts", key: "name")
    ) { row in
        Host(
            name: try row.text("name"), address: try row.text("address"),
            hostKey: try row.text("host_key"),
            drain: try row.bool("drained")
                ? HostDrain(
                    note: try row.textOrNil("drain_note") ?? "",
                    deadlineMilliseconds: try row.int64OrNil("drain_until_ms")) : nil,
            variables: try row.textOrNil("variables")
                .map { try StoredJSON.decode([String: String].self, $0) } ?? [:],
            createdMilliseconds: try row.int64("created_ms"))
    }

    static func insert(_ host: Host, _ transaction: borrowing SQLTransaction) throws {
        try transaction.insert(
            "INSERT INTO hosts (name, address, host_key, drained, drain_note, drain_until_ms, "
                + "variables, created_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [.text(host.name), .text(host.address), .text(host.hostKey)] + values(host.drain)
                + [try stored(host.variables), .int(host.createdMilliseconds)], what: .host,
            name: host.name)
    }

    static func update(_ host: Host, _ transaction: borrowing SQLTransaction) throws {
        try transaction.change(
            "UPDATE hosts SET address = ?, host_key = ?, variables = ? WHERE name = ?",
            [
                .text(host.address), .text(host.hostKey), try stored(host.variables),
                .text(host.name),
            ], what: .host, name: host.name)
    }

    private static func stored(_ variables: [String: String]) throws -> SQLValue {
        variables.isEmpty ? .null : try StoredJSON.encode(variables)
    }

    private static func values(_ drain: HostDrain?) -> [SQLValue] {
        [
            .bool(drain != nil), .text(orNull: drain?.note),
            drain?.deadlineMilliseconds.map(SQLValue.int) ?? .null,
        ]
    }

    static func setDrain(
        _ drain: HostDrain?, host: String, _ transaction: borrowing SQLTransaction
    ) throws {
        try transaction.change(
            "UPDATE hosts SET drained = ?, drain_note = ?, drain_until_ms = ? WHERE name = ?",
            values(drain) + [.text(host)], what: .host, name: host)
    }

    static func remove(_ name: String, _ transaction: borrowing SQLTransaction) throws {
        try transaction.change(
            "DELETE FROM hosts WHERE name = ?", [.text(name)], what: .host, name: name)
    }
}
