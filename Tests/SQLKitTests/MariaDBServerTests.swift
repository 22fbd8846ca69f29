import TestSupport
import Testing

@testable import SQLKit

/// Servers as operators set them up: old ones, nodes that take no changes, accounts with limits.
@Suite(.timeLimit(.minutes(4))) struct MariaDBServerTests {
    private let endpoint = MariaDBEndpoint(
        host: "db1", user: "aibuild", password: "secret-word", database: "aibuild")

    @Test(
        "A server that aibuild cannot work with is named, with the one that it needs",
        arguments: [
            ("5.5.68-MariaDB", "MariaDB 5.5.68-MariaDB at db1:3306 is too old"),
            ("10.1.48-MariaDB-0+deb9u2", "at db1:3306 is too old"),
            ("5.5.5-10.2.44-MariaDB", "at db1:3306 is too old"),
            ("5.7.44-log", "The server at db1:3306 is MySQL 5.7.44-log"),
            ("8.0.36", "The server at db1:3306 is MySQL 8.0.36"),
            ("8.0.35-27", "The server at db1:3306 is MySQL 8.0.35-27"),
        ])
    func unsupportedServers(version: String, words: String) {
        let problem = MariaDBServerState.problem(version: version, at: endpoint) ?? ""
        #expect(problem.contains(words))
        #expect(problem.contains("aibuild needs MariaDB 10.3 or newer. Upgrade the server, or"))
    }

    @Test(
        "Every supported MariaDB is taken",
        arguments: [
            "10.3.39-MariaDB-0+deb10u2", "5.5.5-10.11.6-MariaDB-1:10.11.6+maria~ubu2204",
            "11.4.2-MariaDB-log", "12.0.1-MariaDB", "10.6.17-MariaDB-1:10.6.17+maria~deb11-log",
        ])
    func supportedServers(version: String) {
        #expect(MariaDBServerState.problem(version: version, at: endpoint) == nil)
    }

    /// An account without the right to write to a read-only server.
    private func makeAccount(_ server: MariaDBServer, limits: String = "") async throws {
        _ = try await server.asRoot("CREATE DATABASE IF NOT EXISTS farm")
        _ = try await server.asRoot("CREATE TABLE IF NOT EXISTS farm.t (id int PRIMARY KEY)")
        _ = try await server.asRoot("CREATE USER plain@'%' IDENTIFIED BY 'pw' \(limits)")
        _ = try await server.asRoot("GRANT SELECT, INSERT ON farm.* TO plain@'%'")
    }

    private func port(_ database: SQLDatabase) async throws -> Int? {
        try await database.query("SELECT @@port AS port").first?.int("port")
    }

    @Test("A node that is read-only, or becomes so, is left for the next one")
    func readOnlyNode() async throws {
        async let starting = (MariaDBServer.start(), MariaDBServer.start())
        let (first, second) = try await starting
        for server in [first, second] { try await makeAccount(server) }
        var location = MariaDBEndpoint(
            port: first.port, user: "plain", password: "pw", database: "farm")
        location.alternatives = [("127.0.0.1", second.port)]
        _ = try await first.asRoot("SET GLOBAL read_only = 1")
        let database = try await SQLDatabase.open(.mariadb(location))
        #expect(try await port(database) == second.port)
        // The two change roles, and the connection stays.
        _ = try await second.asRoot("SET GLOBAL read_only = 1")
        _ = try await first.asRoot("SET GLOBAL read_only = 0")
        _ = try await database.transaction { try $0.execute("INSERT INTO t VALUES (1)") }
        #expect(try await port(database) == first.port)
        #expect(try await first.asRoot("SELECT id FROM farm.t").count == 1)
        // Without any node that takes changes, reads are served.
        _ = try await first.asRoot("SET GLOBAL read_only = 1")
        let reader = try await SQLDatabase.open(.mariadb(location))
        #expect(try await reader.query("SELECT id FROM t").count == 1)
        let error = await #expect(throws: SQLError.self) {
            try await reader.transaction { try $0.execute("INSERT INTO t VALUES (2)") }
        }
        #expect(error?.description.contains("read-only") == true, "\(error as Any)")
        await reader.close()
        await database.close()
    }

    @Test("The limits of an account are told from a server that is down")
    func accountLimits() async throws {
        let server = try await MariaDBServer.start()
        try await makeAccount(server, limits: "WITH MAX_QUERIES_PER_HOUR 40")
        let location = SQLLocation.mariadb(
            MariaDBEndpoint(port: server.port, user: "plain", password: "pw", database: "farm"))
        let database = try await SQLDatabase.open(location)
        let error = await #expect(throws: SQLError.self) {
            // What is prepared once is counted once; the ends of transactions always are.
            for _ in 0..<100 {
                _ = try await database.transaction { try $0.query("SELECT 1 AS one") }
            }
        }
        #expect(error?.code == .limited && error?.isPermanent == false)
        #expect(error?.description.contains("MAX_QUERIES_PER_HOUR 0") == true)
        await database.close()
    }

    @Test("A statement that is too large, or takes too long, says which setting to change")
    func statementLimits() async throws {
        let server = try await MariaDBServer.start()
        try await makeAccount(server)
        _ = try await server.asRoot("SET GLOBAL max_allowed_packet = 1048576")
        let location = SQLLocation.mariadb(
            MariaDBEndpoint(port: server.port, user: "plain", password: "pw", database: "farm"))
        let database = try await SQLDatabase.open(location)
        let large = String(repeating: "x", count: 2 << 20)
        let error = await #expect(throws: SQLError.self) {
            try await database.query("SELECT LENGTH(?) AS n", [.text(large)])
        }
        #expect(error?.code == .tooLarge && error?.isPermanent == true)
        #expect(error?.description.contains("at most 1048576 bytes") == true)
        let slow = await #expect(throws: SQLError.self) {
            try await database.query(
                "SET STATEMENT max_statement_time = 0.1 FOR SELECT SLEEP(5) AS s")
        }
        #expect(slow?.code == .timedOut && slow?.isPermanent == false, "\(slow as Any)")
        #expect(try await database.query("SELECT 1 AS one").count == 1, "and the connection lives")
        await database.close()
    }

    @Test(
        "Errors of a server that ask for different actions have different codes",
        arguments: [
            (1153, SQLErrorCode.tooLarge), (1226, .limited), (1203, .limited), (1969, .timedOut),
            (4031, .connectionLost), (1927, .connectionLost), (2013, .connectionLost),
            (1213, .busy), (1205, .busy), (1317, .busy), (1290, .readOnly), (1047, .unreachable),
            (1820, .accessDenied), (1062, .constraintUnique), (1451, .constraint),
        ] as [(UInt32, SQLErrorCode)])
    func codes(number: UInt32, code: SQLErrorCode) {
        let error = SQLError.mariadb(
            number: number, detail: "as the server put it", server: endpoint, sql: "SELECT 1")
        #expect(error.code == code)
        #expect(!error.description.contains("secret-word"))
    }
}
