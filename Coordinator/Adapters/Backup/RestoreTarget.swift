import ProcessKit
import SQLKit
import Support

/// What is where a backup is to be restored.
struct RestoreTarget: Sendable {
    private let places: FarmPlaces

    /// The ending of a SQLite file that is being prepared.
    static let staged = ".restore.part"

    init(_ places: FarmPlaces) { self.places = places }

    /// What is beside a SQLite file after it was closed.
    static func removeLock(of path: String) throws {
        guard Files.sizeBytes(path + "-wal") ?? 0 == 0 else {
            throw Failure("\(path) was not written back: try again")
        }
        for ending in [".lock", "-wal", "-shm"] { try Files.remove(path + ending) }
    }

    /// Removes files that a killed program was writing. None is running.
    static func sweep(_ folder: String) throws {
        for name in try Files.list(folder) where name.hasPrefix(".") && name.hasSuffix(".part") {
            if Files.kind("\(folder)/\(name)") == .file { try Files.remove("\(folder)/\(name)") }
        }
    }

    static func removeStaged(_ path: String) throws {
        for ending in ["", ".lock", "-wal", "-shm"] { try Files.remove(path + staged + ending) }
    }

    /// The epoch that the database there has; 0 if there is none, or if it is damaged.
    /// - Throws: `Failure` if a coordinator uses it.
    func epochOfStopped() async throws -> Int64 {
        switch places.location {
        case .sqlite(let path):
            guard Files.exists(path) else { return 0 }
            do {
                // Takes the lock that a coordinator holds.
                let database = try await SQLDatabase.open(places.location)
                await database.close()
                return try RestoredDatabase.checked(
                    await DatabaseFacts.read(places.location).epoch, of: path)
            } catch let error as SQLError {
                guard error.code == .inUse else { return 0 }
                throw FarmRestore.isRunning("\(error)")
            }
        case .mariadb:
            let database = try await SQLDatabase.open(places.location)
            do {
                if let user = try await Self.user(of: database) {
                    throw FarmRestore.isRunning("the database is in use by \(user)")
                }
                await database.close()
            } catch {
                await database.close()
                throw error
            }
            return try RestoredDatabase.checked(
                await DatabaseFacts.read(places.location).epoch, of: "the database")
        }
    }

    /// Another connection to the same database; of this server, and of this account if it may see
    /// no others. A standby has connections too.
    private static func user(of database: SQLDatabase) async throws -> String? {
        let rows = try await database.query(
            "SELECT HOST AS place FROM information_schema.PROCESSLIST "
                + "WHERE DB = DATABASE() AND ID <> CONNECTION_ID() AND HOST <> '' ORDER BY ID")
        if let row = rows.first { return "a program at \(try row.text("place"))" }
        let held: [SQLRow]
        do {
            held = try await database.query(
                "SELECT holder FROM leadership WHERE id = 1 AND "
                    + "expires_ms > UNIX_TIMESTAMP(NOW(3)) * 1000")
        } catch let error as SQLError where error.code == .statement { return nil }
        return try held.first.map { "the coordinator \(try $0.text("holder")), which leads" }
    }

    /// What a restore would replace; `nil` if there is nothing.
    func content() async throws -> String? {
        switch places.location {
        case .sqlite(let path):
            if Files.exists(path) { return "the database \(path)" }
        case .mariadb(let server):
            let tables = try await tables()
            if !tables.isEmpty { return "a database with \(tables.count) tables (\(server))" }
        }
        return try usedTree()
    }

    /// Apart, as the optimizer of Swift 6.3 crashes on both in one.
    @inline(never)
    private func usedTree() throws -> String? {
        for name in FarmPlaces.trees {
            let path = "\(places.sharedFolder)/\(name)"
            guard let kind = Files.kind(path) else { continue }
            if try kind != .folder || !Files.list(path).isEmpty { return path }
        }
        return nil
    }

    /// A coordinator follows such a link. A restore would put the files beside what it leads to.
    func refuseLinks() throws {
        for path in [places.logs, places.templates] where Files.kind(path) == .link {
            throw Failure(
                "\(path) is a symbolic link: remove it, restore, then move the folder and make the "
                    + "link again")
        }
    }

    // MARK: MariaDB

    private func tables() async throws -> [(name: String, isView: Bool)] {
        let database = try await SQLDatabase.open(places.location)
        do {
            let rows = try await database.query(
                "SELECT table_name AS name, table_type = 'VIEW' AS is_view "
                    + "FROM information_schema.tables WHERE table_schema = DATABASE()")
            await database.close()
            return try rows.map { (try $0.text("name"), try $0.bool("is_view")) }
        } catch {
            await database.close()
            throw error
        }
    }

    /// Removes every table.
    /// - Parameter path: where a dump of them is kept.
    func empty(keeping path: String, user: FarmUser) async throws {
        let tables = try await tables()
        guard case .mariadb(let server) = places.location, !tables.isEmpty else { return }
        try Files.makeFolder(Files.folder(of: path), mode: 0o750)
        try await MariaDBPrograms.dump(server, to: path, user: user)
        let database = try await SQLDatabase.open(places.location)
        do {
            try await database.transaction { transaction in
                // They refer to each other.
                try transaction.execute("SET SESSION foreign_key_checks = 0")
                for table in tables {
                    let name = table.name.split(
                        separator: "`", omittingEmptySubsequences: false
                    ).joined(separator: "``")
                    try transaction.execute("DROP \(table.isView ? "VIEW" : "TABLE") `\(name)`")
                }
            }
            await database.close()
        } catch {
            await database.close()
            throw error
        }
    }
}
