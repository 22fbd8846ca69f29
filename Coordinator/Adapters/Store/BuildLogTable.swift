import CoordinatorCore
import SQLKit

/// The historic table `build_log`, where any column but the id may be empty.
enum BuildLogTable {
    static func newest(
        imageName: String? = nil, guestOSID: String? = nil
    ) -> SQLSelect<BuildLogEntry> {
        var conditions = SQLConditions()
        conditions.equal("image_name", imageName)
        conditions.equal("os_id", guestOSID)
        return SQLSelect(
            "SELECT id, image_name, os_id, os_name, build_at, update_contents, get_url "
                + "FROM build_log "
                + conditions.sql, conditions.values, of: RowOrigin(table: "build_log"), entry
        ).with("ORDER BY build_at DESC, id DESC")
    }

    static func apply(
        _ change: BuildChange.BuildLogChange?, _ transaction: borrowing SQLTransaction
    ) throws {
        switch change {
        case .insert(let entry): try insert(entry, transaction)
        case .move(let id, let url):
            try transaction.execute(
                "UPDATE build_log SET get_url = ? WHERE id = ?", [.text(fitting(url)), .text(id)])
        case nil: break
        }
    }

    /// The id of the guest OS is looked up for the one historic variant, its name is kept for the
    /// other.
    static func insertOnce(
        _ entry: BuildLogEntry, _ transaction: borrowing SQLTransaction
    ) throws -> BuildLogEntry {
        let known = newest(imageName: fitting(entry.imageName))
        if let known = try transaction.firstLocked(known) { return known }
        var entry = entry
        entry.guestOSID = try entry.guestOSName.flatMap {
            try HistoricLookup(.guestOSes).id(of: $0, transaction)
        }
        try insert(entry, transaction)
        return entry
    }

    private static func insert(
        _ entry: BuildLogEntry, _ transaction: borrowing SQLTransaction
    ) throws {
        try transaction.execute(
            "INSERT INTO build_log (id, image_name, os_id, os_name, build_at, update_contents, "
                + "get_url) VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                .text(entry.id), .text(fitting(entry.imageName)),
                .text(orNull: entry.guestOSID), .text(orNull: entry.guestOSName.map(fitting)),
                .text(orNull: entry.builtMilliseconds.map(SQLDateTime.text)),
                .text(orNull: entry.updateContents), .text(orNull: entry.getURL.map(fitting)),
            ])
    }

    private static func entry(_ row: SQLRow) throws -> BuildLogEntry {
        BuildLogEntry(
            id: try row.text("id"), imageName: try row.textOrNil("image_name") ?? "",
            guestOSID: try row.textOrNil("os_id"), guestOSName: try row.textOrNil("os_name"),
            builtMilliseconds: try row.textOrNil("build_at")
                .flatMap(SQLDateTime.unixMilliseconds),
            updateContents: try row.textOrNil("update_contents"),
            getURL: try row.textOrNil("get_url"))
    }

    /// The historic columns have 255 characters. A longer URL is whole in `builds`; here it is cut,
    /// because a build that cannot be recorded would never end.
    private static func fitting(_ text: String) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.prefix(255)))
    }
}
