import CoordinatorCore
import SQLKit

/// The historic table `guestos`. A row of the original AIBuild has no template, and may have no
/// more than an id and a name.
enum GuestOSTable {
    private static let columns =
        "id, name, type, distro, version, base_iso, template, owner, created_ms"

    private static let rows = RowOrigin(table: "guestos", key: "name")

    private static let all = SQLSelect("SELECT \(columns) FROM guestos", of: rows) { row in
        let stored = try row.textOrNil("template").map {
            try StoredJSON.decode(StoredTemplate.self, $0)
        }
        var guestOS = GuestOS(
            id: try row.text("id"), name: try row.text("name"),
            type: (try row.textOrNil("type")?.lowercased()).flatMap(OSType.init) ?? .linux,
            distro: try row.textOrNil("distro") ?? "",
            version: try row.textOrNil("version") ?? "",
            baseISO: try row.textOrNil("base_iso") ?? "",
            template: stored?.source ?? .missing, templatePath: stored?.path,
            variables: stored?.variables ?? [:],
            owner: try row.textOrNil("owner") ?? "default",
            createdMilliseconds: try row.int64OrNil("created_ms") ?? 0)
        guestOS.isRetired = stored?.isRetired ?? false
        guestOS.grants = stored?.grants ?? []
        return guestOS
    }

    static func named(_ name: String) -> SQLSelect<GuestOS> {
        all.with("WHERE name = ?", [.text(name)])
    }

    static func page(after: String?) -> SQLSelect<GuestOS> {
        // An empty name sorts before all others, and the comparison leaves out rows without a name.
        all.with("WHERE name > ? ORDER BY name", [.text(after ?? "")])
    }

    static func insert(_ guestOS: GuestOS, _ transaction: borrowing SQLTransaction) throws {
        try transaction.insert(
            "INSERT INTO guestos (\(columns), last_number) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
            [.text(guestOS.id), .text(guestOS.name)] + (try changeable(guestOS)),
            what: .guestOS, name: guestOS.name)
    }

    /// As `insert`, but it may run again after its answer was lost: it finds its own row then.
    static func insertOnce(_ guestOS: GuestOS, _ transaction: borrowing SQLTransaction) throws {
        let known = SQLSelect(
            "SELECT id, name FROM guestos WHERE name = ?", [.text(guestOS.name)], of: rows
        ) { try $0.text("id") }
        guard try transaction.first(known) != guestOS.id else { return }
        try insert(guestOS, transaction)
    }

    static func update(_ guestOS: GuestOS, _ transaction: borrowing SQLTransaction) throws {
        try transaction.change(
            "UPDATE guestos SET type = ?, distro = ?, version = ?, base_iso = ?, template = ?, "
                + "owner = ?, created_ms = ? WHERE id = ?",
            try changeable(guestOS) + [.text(guestOS.id)], what: .guestOS, name: guestOS.name)
    }

    /// May run again after its answer was lost: the new name has the row then.
    static func rename(
        _ name: String, to new: String, _ transaction: borrowing SQLTransaction
    ) throws {
        guard let guestOS = try transaction.firstLocked(named(name)) else {
            if try transaction.first(named(new)) != nil { return }
            throw StoreError.notFound(what: .guestOS, name: name)
        }
        let builds = try transaction.query(
            "SELECT id FROM builds WHERE guestos_id = ? LIMIT 1", [.text(guestOS.id)])
        guard builds.isEmpty else { throw StoreError.isUsed(.guestOS, name) }
        try transaction.insert(
            "UPDATE guestos SET name = ? WHERE id = ?", [.text(new), .text(guestOS.id)],
            what: .guestOS, name: new)
        try transaction.execute(
            "UPDATE build_log SET os_name = ? WHERE os_id = ?", [.text(new), .text(guestOS.id)])
    }

    /// The row is locked, as by a build that gets its number: none is lost in between.
    static func remove(_ name: String, _ transaction: borrowing SQLTransaction) throws {
        guard let guestOS = try transaction.firstLocked(named(name)) else {
            throw StoreError.notFound(what: .guestOS, name: name)
        }
        for history in [
            "SELECT id FROM builds WHERE guestos_id = ? LIMIT 1",
            "SELECT id FROM build_log WHERE os_id = ? LIMIT 1",
        ] {
            guard try transaction.query(history, [.text(guestOS.id)]).isEmpty else {
                throw StoreError.hasBuilds(name)
            }
        }
        try TriggerTable.remove(guestOSID: guestOS.id, transaction)
        try transaction.remove(
            "DELETE FROM guestos WHERE id = ?", [.text(guestOS.id)], what: .guestOS, name: name)
    }

    private static func changeable(_ guestOS: GuestOS) throws -> [SQLValue] {
        let stored = StoredTemplate(guestOS)
        let template: SQLValue = stored.isEmpty ? .null : try StoredJSON.encode(stored)
        return [
            .text(guestOS.type.rawValue), .text(guestOS.distro), .text(guestOS.version),
            .text(guestOS.baseISO), template, .text(guestOS.owner),
            .int(guestOS.createdMilliseconds),
        ]
    }
}
