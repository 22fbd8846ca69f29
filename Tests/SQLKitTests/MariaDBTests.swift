import Glibc
import SQLKit
import Synchronization
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(3))) struct MariaDBTests {
    @Test("The error for a server that is down names it, without the password")
    func unreachableServer() async throws {
        let folder = try TemporaryFolder()
        let endpoints = [
            MariaDBEndpoint(
                host: "127.0.0.1", port: 1, user: "aibuild", password: "secret-word",
                database: "aibuild"),
            MariaDBEndpoint(
                socket: folder.path + "/none", user: "aibuild", password: "secret-word",
                database: "aibuild"),
            MariaDBEndpoint(
                host: "no-such-host.invalid", user: "aibuild", password: "secret-word",
                database: "aibuild"),
        ]
        for endpoint in endpoints {
            let error = await #expect(throws: SQLError.self) {
                try await SQLDatabase.open(.mariadb(endpoint))
            }
            #expect(error?.code == .unreachable)
            #expect(error?.isPermanent == false)
            let message = error?.description ?? ""
            #expect(
                message.hasPrefix("Cannot reach MariaDB at \(endpoint.socket ?? endpoint.host)"))
            #expect(message.contains("as aibuild"))
            #expect(!message.contains("secret-word"))
            var dumped = ""
            dump(endpoint, to: &dumped)
            let printed = "\(endpoint) \(String(reflecting: endpoint)) \(dumped)"
            #expect(!printed.contains("secret-word"))
        }
    }

    /// A server that accepts the connection and sends nothing.
    @Test("A server that never answers is given up")
    func silentServer() async throws {
        let listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(listener) }
        let folder = try TemporaryFolder()
        let path = folder.path + "/mute"
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
        let bound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        try #require(bound == 0 && listen(listener, 5) == 0)
        let endpoint = MariaDBEndpoint(
            socket: path, user: "u", password: "p", database: "d", connectTimeoutSeconds: 1,
            statementTimeoutSeconds: 1)
        let error = await #expect(throws: SQLError.self) {
            try await SQLDatabase.open(.mariadb(endpoint))
        }
        #expect(error?.code == .unreachable)
    }

    @Test("A wrong password is a permanent error")
    func wrongPassword() async throws {
        var endpoint = try await MariaDBServer.shared().makeDatabase()
        endpoint = MariaDBEndpoint(
            port: endpoint.port, user: endpoint.user, password: "wrong-word",
            database: endpoint.database)
        let error = await #expect(throws: SQLError.self) {
            try await SQLDatabase.open(.mariadb(endpoint))
        }
        #expect(error?.code == .accessDenied)
        #expect(error?.isPermanent == true)
        #expect(error?.description.contains("wrong-word") == false)
    }

    @Test("The error for a missing database names it")
    func missingDatabase() async throws {
        var endpoint = try await MariaDBServer.shared().makeDatabase()
        endpoint.database = "not_there"
        let error = await #expect(throws: SQLError.self) {
            try await SQLDatabase.open(.mariadb(endpoint))
        }
        #expect(error?.code == .accessDenied)
        #expect(error?.description.contains("not_there") == true)
    }

    /// The server closes idle connections (timeout, KILL), which is noticed at the next call only.
    @Test("A closed connection is replaced")
    func closedConnection() async throws {
        let server = try await MariaDBServer.shared()
        let database = try await SQLDatabase.open(.mariadb(server.makeDatabase()))
        for _ in 0..<5 {
            let row = try await database.query("SELECT CONNECTION_ID() AS id").first
            let id = try #require(try row?.int("id"))
            _ = try await server.asRoot("KILL HARD CONNECTION \(id)")
            while try await !server.asRoot(
                "SELECT id FROM information_schema.processlist WHERE id = ?", [.int(id)]
            ).isEmpty {}
            let again = try await database.query("SELECT CONNECTION_ID() AS id").first
            #expect(try again?.int("id") != id)
        }
        await database.close()
    }

    /// A single statement that is killed while it runs reports that its effect is unknown; the next
    /// call works.
    @Test("A killed statement is a temporary error")
    func killedStatement() async throws {
        let server = try await MariaDBServer.shared()
        let endpoint = try await server.makeDatabase()
        let database = try await SQLDatabase.open(.mariadb(endpoint))
        let sleeper = Task { try await database.query("SELECT SLEEP(30) AS s") }
        try await killSleeper(in: endpoint.database, on: server)
        let error = await #expect(throws: SQLError.self) { try await sleeper.value }
        #expect(error?.code == .connectionLost)
        #expect(try await database.query("SELECT 1 AS one").count == 1)
        await database.close()
    }

    /// Killed before COMMIT, a transaction has had no effect, so it is run again.
    @Test("A killed transaction runs again")
    func killedTransaction() async throws {
        let server = try await MariaDBServer.shared()
        let endpoint = try await server.makeDatabase()
        let database = try await SQLDatabase.open(.mariadb(endpoint))
        try await database.execute("CREATE TABLE v (id INTEGER PRIMARY KEY)")
        let runs = Runs()
        let inserter = Task {
            try await database.transaction { transaction in
                try transaction.execute("INSERT INTO v VALUES (1)")
                guard runs.count.add(1, ordering: .relaxed).newValue == 1 else { return }
                _ = try transaction.query("SELECT SLEEP(30) AS s")
            }
        }
        try await killSleeper(in: endpoint.database, on: server)
        try await inserter.value
        #expect(runs.count.load(ordering: .relaxed) == 2)
        #expect(try await database.query("SELECT id FROM v").count == 1)
        await database.close()
    }

    private final class Runs: Sendable { let count = Atomic<Int>(0) }

    /// Waits until a connection to `database` sleeps, and kills it.
    private func killSleeper(in database: String, on server: MariaDBServer) async throws {
        while true {
            let rows = try await server.asRoot(
                "SELECT id FROM information_schema.processlist WHERE db = ? AND info LIKE ?",
                [.text(database), .text("SELECT SLEEP(30)%")])
            if let id = try rows.first?.int("id") {
                _ = try await server.asRoot("KILL HARD CONNECTION \(id)")
                return
            }
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    @Test("A server that crashed is used again once it is back")
    func crashedServer() async throws {
        let server = try await MariaDBServer.start()
        let database = try await SQLDatabase.open(.mariadb(server.makeDatabase()))
        try await database.execute("CREATE TABLE v (id INTEGER PRIMARY KEY)")
        try await database.execute("INSERT INTO v VALUES (1)")
        try await server.crashAndRestart()
        try await database.execute("INSERT INTO v VALUES (2)")
        #expect(try await database.query("SELECT id FROM v").count == 2)
        await database.close()
    }
}
