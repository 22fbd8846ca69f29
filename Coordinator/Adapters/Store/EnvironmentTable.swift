import CoordinatorCore
import SQLKit

/// The historic table `envs`. For an OpenStack environment its own columns hold what they always
/// held, but for `password`, which stays empty: the secret is sealed in a column beside it.
enum EnvironmentTable {
    private static let historic = [
        "auth_url", "project_domain_name", "user_domain_name", "project_name", "username",
        "region",
    ]
    private static let columns =
        (["id", "name"] + historic + ["settings", "policy", "secret_name", "created_ms"]).joined(
            separator: ", ")

    // MARK: Questions

    private static let rows = RowOrigin(table: "envs", key: "name")

    static let all = SQLSelect("SELECT \(columns) FROM envs ORDER BY name", of: rows, environment)

    static func named(_ name: String) -> SQLSelect<ReleaseEnvironment> {
        SQLSelect(
            "SELECT \(columns) FROM envs WHERE name = ?", [.text(name)], of: rows, environment)
    }

    static func secret(of name: String, _ vault: SecretVault) -> SQLSelect<Secret?> {
        SQLSelect(
            "SELECT id, name, secret FROM envs WHERE name = ?", [.text(name)], of: rows
        ) { row in
            guard let sealed = try row.textOrNil("secret") else { return nil }
            return try vault.unseal(
                sealed, context: row.text("id"), "the secret of the environment '\(name)'",
                .environment, name)
        }
    }

    private static func id(_ name: String) -> SQLSelect<String> {
        SQLSelect("SELECT id, name FROM envs WHERE name = ?", [.text(name)], of: rows) {
            try $0.text("id")
        }
    }

    // MARK: Changes

    /// May run again after its answer was lost: it finds its own row then.
    static func insertOnce(
        _ entry: EnvironmentEntry, _ vault: SecretVault, _ transaction: borrowing SQLTransaction
    ) throws {
        let environment = entry.environment
        if let known = try transaction.first(id(environment.name)) {
            guard known == environment.id else {
                throw StoreError.exists(what: .environment, name: environment.name)
            }
            return
        }
        try transaction.execute(
            "INSERT INTO envs (\(columns), password, secret) "
                + "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '', ?)",
            [.text(environment.id), .text(environment.name)] + historicValues(environment) + [
                try StoredJSON.encode(environment.settings),
                try StoredJSON.encode(environment.policy), .text(orNull: environment.secretName),
                .int(environment.createdMilliseconds),
                .text(orNull: try vault.seal(entry.secret, context: environment.id)),
            ])
    }

    static func update(
        _ entry: EnvironmentEntry, _ vault: SecretVault, _ transaction: borrowing SQLTransaction
    ) throws {
        let environment = entry.environment
        guard let id = try transaction.first(id(environment.name)) else {
            throw StoreError.notFound(what: .environment, name: environment.name)
        }
        let assignments = historic.map { "\($0) = ?, " }.joined()
        try transaction.execute(
            "UPDATE envs SET \(assignments)settings = ?, policy = ?, secret_name = ?, "
                + "created_ms = ? WHERE id = ?",
            historicValues(environment) + [
                try StoredJSON.encode(environment.settings),
                try StoredJSON.encode(environment.policy), .text(orNull: environment.secretName),
                .int(environment.createdMilliseconds), .text(id),
            ])
        if environment.secretName != nil {
            try transaction.execute("UPDATE envs SET secret = NULL WHERE id = ?", [.text(id)])
        }
        if let sealed = try vault.seal(entry.secret, context: id) {
            try transaction.execute(
                "UPDATE envs SET secret = ? WHERE id = ?", [.text(sealed), .text(id)])
        }
    }

    static func remove(_ name: String, _ transaction: borrowing SQLTransaction) throws {
        try transaction.remove(
            "DELETE FROM envs WHERE name = ?", [.text(name)], what: .environment, name: name)
        try ReleaseNameTable.forget(environment: name, transaction)
    }

    /// May run again after its answer was lost: the new name has the row then.
    static func rename(
        _ name: String, to new: String, _ transaction: borrowing SQLTransaction
    ) throws {
        guard let id = try transaction.firstLocked(id(name)) else {
            if try transaction.first(self.id(new)) != nil { return }
            throw StoreError.notFound(what: .environment, name: name)
        }
        let releases = try transaction.query(
            "SELECT id FROM releases WHERE environment = ? LIMIT 1", [.text(name)])
        guard releases.isEmpty else { throw StoreError.isUsed(.environment, name) }
        try transaction.insert(
            "UPDATE envs SET name = ? WHERE id = ?", [.text(new), .text(id)],
            what: .environment, name: new)
        try transaction.execute(
            "UPDATE release_log SET env_name = ? WHERE env_id = ?", [.text(new), .text(id)])
        try ReleaseNameTable.forget(environment: name, transaction)
    }

    /// Seals the passwords that the original AIBuild, or one of its tools, wrote in clear text.
    static func sealClearPasswords(
        _ vault: SecretVault, _ transaction: borrowing SQLTransaction
    ) throws {
        let clear = SQLSelect(
            "SELECT id, name, password FROM envs WHERE password <> ''", of: rows
        ) { row in
            (id: try row.text("id"), secret: Secret(try row.text("password")))
        }
        for (id, secret) in try transaction.allLocked(clear) {
            try transaction.execute(
                "UPDATE envs SET secret = ?, password = '' WHERE id = ?",
                [.text(orNull: try vault.seal(secret, context: id)), .text(id)])
        }
    }

    // MARK: Rows

    private static func historicValues(_ environment: ReleaseEnvironment) -> [SQLValue] {
        guard case .openstack(let settings) = environment.settings else {
            return historic.map { _ in .text("") }
        }
        // A text that is too long for its historic column is whole in the settings.
        return [
            (settings.authURL, 255), (settings.projectDomain, 64), (settings.userDomain, 64),
            (settings.project, 64), (settings.username, 255), (settings.region, 255),
        ].map { text, width in
            .text(String(String.UnicodeScalarView(text.unicodeScalars.prefix(width))))
        }
    }

    /// A row of the original AIBuild has no settings and no policy; all were OpenStack, with public
    /// images in raw format.
    private static func environment(_ row: SQLRow) throws -> ReleaseEnvironment {
        let settings = try row.textOrNil("settings").map {
            try StoredJSON.decode(EnvironmentSettings.self, $0)
        }
        return ReleaseEnvironment(
            id: try row.text("id"), name: try row.text("name"),
            settings: try settings
                ?? .openstack(
                    OpenStackSettings(
                        authURL: try row.text("auth_url"),
                        userDomain: try row.text("user_domain_name"),
                        projectDomain: try row.text("project_domain_name"),
                        project: try row.text("project_name"),
                        username: try row.text("username"), region: try row.text("region"),
                        format: .raw, visibility: .public)),
            policy: try row.textOrNil("policy").map {
                try StoredJSON.decode(ReleasePolicy.self, $0)
            } ?? ReleasePolicy(), secretName: try row.textOrNil("secret_name"),
            createdMilliseconds: try row.int64OrNil("created_ms") ?? 0)
    }
}
