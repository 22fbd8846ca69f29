import CoordinatorCore
import SQLKit

/// The table `secrets`: what the coordinator keeps for builds, each value sealed for its name.
enum SecretTable {
    /// Schema 16.
    static let changes: [SchemaChange] = [
        .table(
            "secrets",
            [
                "name varchar(128) NOT NULL", "guest_oses longtext NOT NULL",
                "sealed longtext NOT NULL", "created_ms bigint NOT NULL",
                "changed_ms bigint NOT NULL", "changed_by longtext NOT NULL",
            ], key: "name")
    ]

    private static let rows = RowOrigin(table: "secrets", key: "name")
    private static let columns =
        "name, guest_oses, environments, created_ms, changed_ms, changed_by, "
        + "\(LostValue.condition("sealed")) AS is_lost"

    static func context(_ name: String) -> String { "secret \(name)" }

    // MARK: Questions

    static let all = SQLSelect("SELECT \(columns) FROM secrets ORDER BY name", of: rows, secret)

    static func named(_ name: String) -> SQLSelect<FarmSecret> {
        SQLSelect(
            "SELECT \(columns) FROM secrets WHERE name = ?", [.text(name)], of: rows, secret)
    }

    static func value(of name: String, _ vault: SecretVault) -> SQLSelect<Secret> {
        SQLSelect(
            "SELECT name, sealed FROM secrets WHERE name = ?", [.text(name)], of: rows
        ) { row in
            try vault.unseal(
                row.text("sealed"), context: context(name), "the secret '\(name)'",
                .secret, name)
        }
    }

    // MARK: Changes

    /// May run again after its answer was lost.
    static func put(
        _ secret: FarmSecret, _ value: Secret?, _ vault: SecretVault,
        _ transaction: borrowing SQLTransaction
    ) throws {
        let sealed = try vault.seal(value, context: context(secret.name))
        let shared: [SQLValue] = [
            try StoredJSON.encode(secret.guestOSes),
            secret.environments.isEmpty ? .null : try StoredJSON.encode(secret.environments),
            .int(secret.changedMilliseconds),
            .text(secret.changedBy),
        ]
        guard try transaction.firstLocked(named(secret.name)) != nil else {
            guard let sealed else {
                throw StoreError.notFound(what: .secret, name: secret.name)
            }
            return try transaction.insert(
                "INSERT INTO secrets (guest_oses, environments, changed_ms, changed_by, name, "
                    + "sealed, created_ms) VALUES (?, ?, ?, ?, ?, ?, ?)",
                shared + [
                    .text(secret.name), .text(sealed), .int(secret.createdMilliseconds),
                ], what: .secret, name: secret.name)
        }
        try transaction.execute(
            "UPDATE secrets SET guest_oses = ?, environments = ?, changed_ms = ?, changed_by = ? "
                + "WHERE name = ?",
            shared + [.text(secret.name)])
        if let sealed {
            try transaction.execute(
                "UPDATE secrets SET sealed = ? WHERE name = ?",
                [.text(sealed), .text(secret.name)])
        }
    }

    static func remove(_ name: String, _ transaction: borrowing SQLTransaction) throws {
        try transaction.remove(
            "DELETE FROM secrets WHERE name = ?", [.text(name)], what: .secret, name: name)
    }

    private static func secret(_ row: SQLRow) throws -> FarmSecret {
        FarmSecret(
            name: try row.text("name"),
            guestOSes: try StoredJSON.decode([String].self, row.text("guest_oses")),
            environments: try row.textOrNil("environments")
                .map { try StoredJSON.decode([String].self, $0) } ?? [],
            createdMilliseconds: try row.int64("created_ms"),
            changedMilliseconds: try row.int64("changed_ms"),
            changedBy: try row.text("changed_by"), isLost: try row.bool("is_lost"))
    }
}
