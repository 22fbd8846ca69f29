import SQLKit
import Support

/// What a backup says of its database, read beside the coordinator that writes to it.
struct DatabaseFacts: Sendable {
    var schema: Int
    var epoch: Int64
    /// How what each key has sealed begins.
    var keyPrefixes: Set<String> = []

    /// `aes256gcm:`, eight digits and a colon.
    private static let prefixCharacters = 19

    static func read(_ location: SQLLocation) async throws -> DatabaseFacts {
        let database = try await SQLDatabase.openForReading(location)
        do {
            let facts = try await DatabaseFacts(database)
            await database.close()
            return facts
        } catch {
            await database.close()
            throw error
        }
    }

    /// Those of a copy that was made between these and others: no key that it needs is missing.
    func united(with other: DatabaseFacts) -> DatabaseFacts {
        var facts = self
        facts.schema = max(schema, other.schema)
        facts.epoch = max(epoch, other.epoch)
        facts.keyPrefixes.formUnion(other.keyPrefixes)
        return facts
    }

    private init(_ database: SQLDatabase) async throws {
        schema =
            try await Self.rows(database, "SELECT MAX(version) AS number FROM schema_version")
            .first?.intOrNil("number") ?? 0
        epoch =
            try await Self.rows(database, "SELECT epoch AS number FROM leadership WHERE id = 1")
            .first?.int64OrNil("number") ?? 0
        for place in Resealing.all(SealingKeys(SecretKey())) {
            let found = try await Self.rows(
                database,
                "SELECT DISTINCT SUBSTR(\(place.column), 1, \(Self.prefixCharacters)) AS prefix "
                    + "FROM \(place.table) WHERE \(place.column) IS NOT NULL "
                    // Their key is gone for good.
                    + "AND NOT (\(LostValue.condition(place.column)))")
            keyPrefixes.formUnion(try found.map { try $0.text("prefix") })
        }
    }

    /// Older schemas have not all tables.
    private static func rows(_ database: SQLDatabase, _ sql: String) async throws -> [SQLRow] {
        do { return try await database.query(sql) } catch let error as SQLError
            where error.code == .statement
        { return [] }
    }
}
