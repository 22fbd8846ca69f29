import CMariaDB

/// What a server says about itself when a connection begins.
struct MariaDBServerState {
    /// `10.11.6-MariaDB-1:10.11.6+maria~deb12`
    var version: String
    /// Bytes of the largest statement with its values.
    var packetBytes: Int
    var isReadOnly: Bool
    /// On a node of a Galera cluster: `Synced`, `Donor/Desynced` …
    var nodeState: String?

    private static let needed = (major: 10, minor: 3)

    /// Why this program cannot work with the server at all; `nil` if it can.
    static func problem(version text: String, at server: MariaDBEndpoint) -> String? {
        // Old clients of replication take 10.x for 1.0, so some servers say 5.5.5-10.x.
        let plain = text.hasPrefix("5.5.5-") ? String(text.dropFirst(6)) : text
        let wish = "aibuild needs MariaDB \(needed.major).\(needed.minor) or newer"
        let remedy =
            "Upgrade the server, or load a dump of the database into another one and name that in "
            + "the database section of the configuration."
        guard text.lowercased().contains("mariadb") else {
            return "The server at \(server.address) is MySQL \(text.bounded(60)) or made like it: "
                + "\(wish). \(remedy)"
        }
        let numbers = plain.prefix { $0.isNumber || $0 == "." }.split(separator: ".")
            .prefix(2).compactMap { Int($0) }
        guard numbers.count == 2 else { return nil }
        guard (numbers[0], numbers[1]) < needed else { return nil }
        return "MariaDB \(text.bounded(60)) at \(server.address) is too old: \(wish). \(remedy)"
    }

    /// Why another node of the cluster is the better choice; `nil` if this one is as good as any.
    var drawback: String? {
        if isReadOnly { return "is read-only" }
        guard let nodeState, nodeState != "Synced" else { return nil }
        return "is not in service (\(nodeState))"
    }
}

extension MariaDBConnection {
    /// Before any setting: an older server does not know some of them.
    func readVersion() throws(SQLError) -> String {
        let row = try query("SELECT VERSION() AS version", []).first
        return try row?.text("version") ?? ""
    }

    func readState(version: String) throws(SQLError) -> MariaDBServerState {
        let packet = try query("SELECT @@max_allowed_packet AS bytes", []).first
        return MariaDBServerState(
            version: version, packetBytes: try packet?.int("bytes") ?? 0,
            isReadOnly: try shown("SHOW GLOBAL VARIABLES LIKE 'read_only'") != "OFF",
            nodeState: try shown("SHOW GLOBAL STATUS LIKE 'wsrep_local_state_comment'"))
    }

    private func shown(_ sql: String) throws(SQLError) -> String? {
        guard case .text(let value) = try query(sql, []).first?.values.last else { return nil }
        return value
    }
}
