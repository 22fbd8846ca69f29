public import CoordinatorCore
import SQLKit

extension SQLStore {
    private static let columns =
        "id, name, type, distro, version, base_iso, template, owner, created_ms"

    static let insertGuestOS =
        "INSERT INTO guestos (\(columns), last_number) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0)"
    static let updateGuestOS =
        "UPDATE guestos SET type = ?, distro = ?, version = ?, base_iso = ?, template = ?, "
        + "owner = ?, created_ms = ? WHERE id = ?"

    public func add(_ guestOS: GuestOS, epoch: Int64) async throws {
        try await insert(
            Self.insertGuestOS, try Self.insertValues(guestOS), what: "guest OS",
            name: guestOS.name, epoch: epoch)
    }

    public func update(_ guestOS: GuestOS, epoch: Int64) async throws {
        try await change(
            Self.updateGuestOS, try Self.changeable(guestOS) + [.text(guestOS.id)],
            what: "guest OS", name: guestOS.name, epoch: epoch)
    }

    static func insertValues(_ guestOS: GuestOS) throws -> [SQLValue] {
        [.text(guestOS.id), .text(guestOS.name)] + (try changeable(guestOS))
    }

    public func guestOS(named name: String) async throws -> GuestOS? {
        try await query(
            "SELECT \(Self.columns) FROM guestos WHERE name = ?", [.text(name)], Self.guestOS
        ).first
    }

    public func guestOSes(after: String?, limit: Int) async throws -> [GuestOS] {
        // An empty name is before all others, and the comparison leaves out rows without a name.
        try await query(
            "SELECT \(Self.columns) FROM guestos WHERE name > ? ORDER BY name LIMIT ?",
            [.text(after ?? ""), .int(limit)], Self.guestOS)
    }

    private static func encoded(_ template: TemplateSource) throws -> SQLValue {
        template == .missing ? .null : try StoredJSON.encode(template)
    }

    static func changeable(_ guestOS: GuestOS) throws -> [SQLValue] {
        [
            .text(guestOS.type.rawValue), .text(guestOS.distro), .text(guestOS.version),
            .text(guestOS.baseISO), try encoded(guestOS.template), .text(guestOS.owner),
            .int(guestOS.createdMilliseconds),
        ]
    }

    /// Rows of the original AIBuild have no template, and may have no more than an id and a name.
    private static func guestOS(_ row: SQLRow) throws -> GuestOS {
        let template = try row.textOrNil("template")
        return GuestOS(
            id: try row.text("id"), name: try row.text("name"),
            type: (try row.textOrNil("type")?.lowercased()).flatMap(OSType.init) ?? .linux,
            distro: try row.textOrNil("distro") ?? "",
            version: try row.textOrNil("version") ?? "",
            baseISO: try row.textOrNil("base_iso") ?? "",
            template: try template.map { try StoredJSON.decode(TemplateSource.self, $0) }
                ?? .missing,
            owner: try row.textOrNil("owner") ?? "default",
            createdMilliseconds: try row.int64OrNil("created_ms") ?? 0)
    }
}
