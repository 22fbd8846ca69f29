import SQLKit
import Support
import Synchronization

/// Says what a migration waits for, from a connection of its own: an ALTER TABLE waits for every
/// transaction that has used the table, however idle that is now.
final class MigrationWatch: Sendable {
    private let database: SQLDatabase
    private let say: @Sendable (String) -> Void
    private let connection = Mutex(0)
    private let others = Mutex("")

    init(_ database: SQLDatabase, say: @escaping @Sendable (String) -> Void) {
        self.database = database
        self.say = say
    }

    /// The other connections to the database when a wait was last seen; empty if none was.
    var lastOthers: String { others.withLock(\.self) }

    func note(connection id: Int) { connection.withLock { $0 = id } }

    /// Runs until its task is cancelled.
    func run() async {
        var nextSeconds = 0
        while !Task.isCancelled {
            try? await Task.sleep(for: .milliseconds(StoreLimits.migrationWatchMilliseconds))
            guard let wait = try? await wait() else { continue }
            others.withLock { $0 = wait.others }
            // Said at once, then less and less often: it may take an hour.
            guard wait.seconds >= nextSeconds || wait.seconds == 0 else { continue }
            nextSeconds = max(wait.seconds, 1) * 2
            say(
                "Waiting for a lock (\(wait.state)) since \(wait.seconds) s, for: \(wait.sql)\n"
                    + "Other connections to this database: "
                    + (wait.others.isEmpty ? "none that this account may see" : wait.others))
        }
    }

    private struct Wait {
        var state, sql, others: String
        var seconds: Int
    }

    private func wait() async throws -> Wait? {
        let id = connection.withLock(\.self)
        let rows = try await database.query(
            "SELECT id, user, host, command, time, state, info FROM "
                + "information_schema.processlist WHERE db = DATABASE() "
                + "AND id <> CONNECTION_ID() ORDER BY time DESC LIMIT 20")
        guard let own = try rows.first(where: { try $0.int("id") == id }) else { return nil }
        let state = try own.textOrNil("state") ?? ""
        guard state.hasPrefix("Waiting for") || state == "User lock" else { return nil }
        let others = try rows.filter { try $0.int("id") != id }.map { row in
            let host = try row.textOrNil("host") ?? ""
            let time = try row.intOrNil("time") ?? 0
            let isIdle = try row.textOrNil("command") == "Sleep"
            return "\(try row.int("id")) (\(try row.text("user")) from \(host), "
                + (isIdle ? "idle for \(time) s)" : "busy for \(time) s)")
        }
        return Wait(
            state: state == "User lock" ? "another coordinator upgrades the database" : state,
            sql: (try own.textOrNil("info") ?? "").bounded, others: others.joined(separator: ", "),
            seconds: try own.intOrNil("time") ?? 0)
    }
}

extension String {
    /// The beginning of a statement.
    fileprivate var bounded: String { count > 120 ? prefix(120) + "…" : self }
}
