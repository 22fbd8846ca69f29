import SQLKit
import TestSupport
import Testing

/// Nodes of a Galera cluster that are in maintenance, or have lost the others.
@Suite(.timeLimit(.minutes(4))) struct GaleraTests {
    @Test("A node that is in maintenance or without quorum is left for the next one")
    func nodesOutOfService() async throws {
        let cluster = try await GaleraCluster()
        let ports = cluster.nodes.map(\.port)
        func expectSecondNode(_ why: String) async throws {
            let database = try await SQLDatabase.open(.mariadb(cluster.endpoint(first: 0)))
            let row = try await database.query("SELECT @@port AS port").first
            #expect(try row?.int("port") == ports[1], "\(why)")
            _ = try await database.execute("INSERT INTO t VALUES ('\(why)')")
            await database.close()
        }
        let database = try await SQLDatabase.open(.mariadb(cluster.endpoint(first: 0)))
        try await database.execute("CREATE TABLE t (why varchar(60) PRIMARY KEY)")
        let first = try await database.query("SELECT @@port AS port").first
        #expect(try first?.int("port") == ports[0])

        // A backup, which falls behind the others.
        try await cluster.asRoot(0, "SET GLOBAL wsrep_desync = ON")
        try await expectSecondNode("desynced")
        try await cluster.asRoot(0, "SET GLOBAL wsrep_desync = OFF")
        // Maintenance: 1047 for every statement with a table, also on a connection that is open.
        try await cluster.asRoot(0, "SET GLOBAL wsrep_reject_queries = ALL")
        try await expectSecondNode("rejecting")
        _ = try await database.transaction { try $0.execute("INSERT INTO t VALUES ('open')") }
        let second = try await database.query("SELECT @@port AS port").first
        #expect(try second?.int("port") == ports[1], "it changed the node by itself")
        await database.close()

        try cluster.kill(0)
        try cluster.kill(1)
        var last = ""
        try await eventually("the last node has no quorum; \(last)", seconds: 90) {
            do {
                await (try SQLDatabase.open(.mariadb(cluster.endpoint(first: 0)))).close()
                return false
            } catch let error as SQLError {
                last = error.description
                return error.code == .unreachable && last.hasPrefix("no node of the cluster")
            }
        }
        for port in ports { #expect(last.contains("127.0.0.1:\(port)"), "\(last)") }
    }
}
