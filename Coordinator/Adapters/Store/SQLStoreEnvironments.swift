public import CoordinatorCore
import SQLKit
import Support

/// The historic table `envs`. Its own columns say for an OpenStack environment what they always
/// said, but for `password`, which stays empty: the secret is sealed in a column beside it.
extension SQLStore {
    private static let historic = [
        "auth_url", "project_domain_name", "user_domain_name", "project_name", "username",
        "region",
    ]
    private static let columns =
        (["id", "name"] + historic + ["settings", "created_ms"]).joined(separator: ", ")

    public func add(
        _ environment: ReleaseEnvironment, secret: Secret?, epoch: Int64
    ) async throws {
        let sealer = try sealer(secret)
        try await repeatable { transaction in
            try Self.fence(epoch, transaction)
            try Self.insert(environment, secret, sealer, transaction)
        }
    }

    public func update(
        _ environment: ReleaseEnvironment, secret: Secret?, epoch: Int64
    ) async throws {
        let sealer = try sealer(secret)
        try await repeatable { transaction in
            try Self.fence(epoch, transaction)
            try Self.change(environment, secret, sealer, transaction)
        }
    }

    /// Run again after its answer was lost, it finds its own row.
    static func insert(
        _ environment: ReleaseEnvironment, _ secret: Secret?, _ sealer: SecretKey?,
        _ transaction: borrowing SQLTransaction
    ) throws {
        let known = try transaction.query(
            "SELECT id FROM envs WHERE name = ?", [.text(environment.name)])
        if let row = known.first {
            guard try row.text("id") == environment.id else {
                throw StoreError.exists(what: "environment", name: environment.name)
            }
            return
        }
        try transaction.execute(
            "INSERT INTO envs (\(Self.columns), password, secret) "
                + "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '', ?)",
            [.text(environment.id), .text(environment.name)]
                + Self.historicValues(environment)
                + [
                    try StoredJSON.encode(environment.settings),
                    .int(environment.createdMilliseconds),
                    .text(orNull: seal(secret, sealer, environment.id)),
                ])
    }

    static func change(
        _ environment: ReleaseEnvironment, _ secret: Secret?, _ sealer: SecretKey?,
        _ transaction: borrowing SQLTransaction
    ) throws {
        let known = try transaction.query(
            "SELECT id FROM envs WHERE name = ?", [.text(environment.name)])
        guard let id = try known.first?.text("id") else {
            throw StoreError.notFound(what: "environment", name: environment.name)
        }
        let assignments = Self.historic.map { "\($0) = ?, " }.joined()
        try transaction.execute(
            "UPDATE envs SET \(assignments)settings = ?, created_ms = ? WHERE id = ?",
            Self.historicValues(environment)
                + [
                    try StoredJSON.encode(environment.settings),
                    .int(environment.createdMilliseconds), .text(id),
                ])
        if let sealed = seal(secret, sealer, id) {
            try transaction.execute(
                "UPDATE envs SET secret = ? WHERE id = ?", [.text(sealed), .text(id)])
        }
    }

    /// `nil`: there is nothing to seal, so that no key is needed.
    func sealer(_ secret: Secret?) throws -> SecretKey? { secret == nil ? nil : try key() }

    private static func seal(_ secret: Secret?, _ sealer: SecretKey?, _ id: String) -> String? {
        secret.flatMap { secret in sealer?.seal(secret.reveal, context: id) }
    }

    public func removeEnvironment(named name: String, epoch: Int64) async throws {
        let count = try await repeatable { transaction in
            try Self.fence(epoch, transaction)
            return try transaction.execute("DELETE FROM envs WHERE name = ?", [.text(name)])
        }
        guard count > 0 else { throw StoreError.notFound(what: "environment", name: name) }
    }

    public func environment(named name: String) async throws -> ReleaseEnvironment? {
        try await query(
            "SELECT \(Self.columns) FROM envs WHERE name = ?", [.text(name)], Self.environment
        ).first
    }

    public func environments() async throws -> [ReleaseEnvironment] {
        try await query("SELECT \(Self.columns) FROM envs ORDER BY name", [], Self.environment)
    }

    public func secret(ofEnvironment name: String) async throws -> Secret? {
        let rows = try await query("SELECT id, secret FROM envs WHERE name = ?", [.text(name)])
        guard let row = rows.first, let sealed = try row.textOrNil("secret") else { return nil }
        do {
            return Secret(try key().open(sealed, context: try row.text("id")))
        } catch let error as SecretKey.OpenError {
            throw StoreError.unavailable(
                "the secret of the environment '\(name)' cannot be unsealed: \(error)")
        }
    }

    /// Passwords that the original AIBuild, or one of its tools, wrote in clear text.
    func sealClearPasswords() async throws {
        let sealer = try key()
        try await repeatable { transaction in
            let rows = try transaction.query(
                "SELECT id, password FROM envs WHERE password <> ''" + transaction.forUpdate)
            for row in rows {
                let id = try row.text("id")
                try transaction.execute(
                    "UPDATE envs SET secret = ?, password = '' WHERE id = ?",
                    [.text(sealer.seal(try row.text("password"), context: id)), .text(id)])
            }
        }
    }

    private static func historicValues(_ environment: ReleaseEnvironment) -> [SQLValue] {
        guard case .openstack(let settings) = environment.settings else {
            return historic.map { _ in .text("") }
        }
        // What is longer than its historic column is whole in the settings.
        return [
            (settings.authURL, 255), (settings.projectDomain, 64), (settings.userDomain, 64),
            (settings.project, 64), (settings.username, 255), (settings.region, 255),
        ].map { text, width in
            .text(String(String.UnicodeScalarView(text.unicodeScalars.prefix(width))))
        }
    }

    /// A row of the original AIBuild has no settings; all were OpenStack, with public images in raw
    /// format.
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
            createdMilliseconds: try row.int64OrNil("created_ms") ?? 0)
    }
}
