import CoordinatorCore
import SQLKit

/// Schema 9: environments have a policy, and image names there have an owner.
enum ReleasePolicies {
    static let changes: [SchemaChange] = [
        .columns(["policy longtext"], of: "envs"),
        .step { transaction in
            // What was released before is not refused now.
            try transaction.execute(
                "UPDATE envs SET policy = ? WHERE policy IS NULL",
                [try StoredJSON.encode(ReleasePolicy.unrestricted)])
        },
        .table(
            "release_names",
            [
                "environment varchar(128) NOT NULL", "name varchar(512) NOT NULL",
                "guestos varchar(255) NOT NULL", "claimed_by varchar(36)",
            ], key: "environment, name"),
        .index("release_names_claim", on: "release_names", "claimed_by"),
        .step { try adoptNames($0) },
    ]

    private struct Plan: Decodable {
        var release: ReleasePlan?
    }

    /// The guest OS whose image has the name today owns it. A name that several have released under
    /// is the newest one's.
    private static func adoptNames(_ transaction: borrowing SQLTransaction) throws {
        let places = try transaction.query(
            "SELECT environment, guestos, MAX(created_ms) AS newest FROM releases "
                + "WHERE state = 'released' GROUP BY environment, guestos ORDER BY newest DESC")
        for place in places {
            let (environment, guestOS) = (try place.text("environment"), try place.text("guestos"))
            guard let name = try name(of: guestOS, in: environment, transaction),
                try transaction.first(ReleaseNameTable.find(name, in: environment)) == nil
            else { continue }
            do {
                try transaction.execute(
                    "INSERT INTO release_names (environment, name, guestos) VALUES (?, ?, ?)",
                    [.text(environment), .text(name), .text(guestOS)])
            } catch {
                // A coordinator at another node of a Galera cluster does the same.
                guard error.code == .constraintUnique else { throw error }
            }
        }
    }

    /// `nil` if nobody can own it, or a row cannot be read: the next release claims it then.
    private static func name(
        of guestOS: String, in environment: String, _ transaction: borrowing SQLTransaction
    ) throws -> String? {
        let plans = try transaction.query(
            "SELECT b.plan FROM releases r JOIN builds b ON b.id = r.build "
                + "WHERE r.environment = ? AND r.guestos = ? AND r.state = 'released' "
                + "ORDER BY r.created_ms DESC, r.id DESC LIMIT 1",
            [.text(environment), .text(guestOS)])
        guard let text = try plans.first?.textOrNil("plan"),
            let plan = try? StoredJSON.decode(Plan.self, text),
            let known = try? transaction.first(EnvironmentTable.named(environment))
        else { return nil }
        let image = ReleasedImage(
            of: plan.release ?? ReleasePlan(), guestOS: guestOS, in: known.settings)
        let isTooLong = image.name.utf8.count > ReleaseEnvironment.Bounds.imageNameBytes
        return image.isExclusive && !isTooLong ? image.name : nil
    }
}
