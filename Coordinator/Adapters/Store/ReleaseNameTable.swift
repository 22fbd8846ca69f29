import CoordinatorCore
import SQLKit

/// The table `release_names`: which guest OS owns which image name in which environment.
enum ReleaseNameTable {
    private static let columns = "environment, name, guestos, claimed_by"

    private static let all = SQLSelect(
        "SELECT \(columns) FROM release_names", of: RowOrigin(table: "release_names", key: "name")
    ) { row in
        ReleaseName(
            environment: try row.text("environment"), name: try row.text("name"),
            guestOS: try row.text("guestos"), claimedBy: try row.textOrNil("claimed_by"))
    }

    // MARK: Questions

    static func find(_ name: String, in environment: String) -> SQLSelect<ReleaseName> {
        all.with("WHERE environment = ? AND name = ?", [.text(environment), .text(name)])
    }

    static func page(
        in environment: String, after: String?, limit: Int
    ) -> SQLSelect<ReleaseName> {
        all.with(
            "WHERE environment = ? AND name > ? ORDER BY name LIMIT ?",
            [.text(environment), .text(after ?? ""), .int(limit)])
    }

    // MARK: Changes

    static func claim(
        _ name: ReleaseName, _ transaction: borrowing SQLTransaction
    ) throws -> ReleaseName {
        let known = try transaction.firstLocked(find(name.name, in: name.environment))
        let next = name.claiming(known)
        if next != known { try put(next, over: known, transaction) }
        return next
    }

    static func give(_ name: ReleaseName, _ transaction: borrowing SQLTransaction) throws {
        let known = try transaction.firstLocked(find(name.name, in: name.environment))
        if name != known { try put(name, over: known, transaction) }
    }

    private static func put(
        _ name: ReleaseName, over known: ReleaseName?, _ transaction: borrowing SQLTransaction
    ) throws {
        let values: [SQLValue] = [
            .text(name.guestOS), .text(orNull: name.claimedBy), .text(name.environment),
            .text(name.name),
        ]
        let sql =
            known == nil
            ? "INSERT INTO release_names (guestos, claimed_by, environment, name) "
                + "VALUES (?, ?, ?, ?)"
            : "UPDATE release_names SET guestos = ?, claimed_by = ? "
                + "WHERE environment = ? AND name = ?"
        try transaction.execute(sql, values)
    }

    /// The end of a release makes its claim final, or drops it.
    static func settle(_ release: Release, _ transaction: borrowing SQLTransaction) throws {
        try transaction.execute(
            release.state == .released
                ? "UPDATE release_names SET claimed_by = NULL WHERE claimed_by = ?"
                : "DELETE FROM release_names WHERE claimed_by = ?", [.text(release.id)])
    }

    static func forget(
        environment: String, _ transaction: borrowing SQLTransaction
    ) throws {
        try transaction.execute(
            "DELETE FROM release_names WHERE environment = ?", [.text(environment)])
    }
}
