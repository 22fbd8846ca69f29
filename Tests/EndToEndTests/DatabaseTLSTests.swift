import Glibc
import ProcessKit
import SQLKit
import Support
import TestSupport
import Testing

/// A coordinator whose MariaDB takes connections by TLS only, with a certificate of its own
/// authority.
@Suite(.timeLimit(.minutes(5))) struct DatabaseTLSTests {
    private let temporary: TemporaryFolder
    private let folder: String

    init() async throws {
        temporary = try TemporaryFolder()
        folder = temporary.path + "/c"
        _ = try await TestCertificates(in: folder)
        // For the server's own user.
        chmod(temporary.path, 0o755)
        for name in try Files.list(folder) { chmod("\(folder)/\(name)", 0o644) }
    }

    private func server(_ certificate: String) async throws -> MariaDBServer {
        let server = try await MariaDBServer.start(options: [
            "--ssl-cert=\(folder)/\(certificate).pem", "--ssl-key=\(folder)/\(certificate)-key.pem",
            "--ssl-ca=\(folder)/ca.pem",
        ])
        _ = try await server.asRoot("ALTER USER aibuild@'%' REQUIRE SSL")
        return server
    }

    @Test("Builds, a backup and its restore go by TLS where the database takes nothing else")
    func wholeFarm() async throws {
        let server = try await server("server")
        var setup = Farm.Setup()
        var database = try await server.makeDatabase()
        database.tls = .init(authorities: folder + "/ca.pem")
        setup.database = database
        try await withFarm(setup) { farm in
            let build = try #require(try await farm.imageBuilds(1).first)
            let (status, words) = try await farm.coordinatorCommand(
                ["backup", "\(farm.folder)/backups"])
            try #require(status == .exited(0), "\(words)")
            let backup = String(
                try #require(words.split(separator: "\n").last?.split(separator: " ").last))
            try await farm.stopCoordinator()
            for file in try Files.list(farm.stateFolder) {
                try Files.remove("\(farm.stateFolder)/\(file)")
            }
            _ = try await server.asRoot("DROP DATABASE \(database.database)")
            _ = try await server.asRoot(
                "CREATE DATABASE \(database.database) CHARACTER SET utf8mb4")
            try await refuses(farm, database, backup)

            try farm.writeConfiguration(port: farm.port)
            let restored = try await farm.coordinatorCommand(["restore", backup])
            try #require(restored.0 == .exited(0), "\(restored.1)")
            try await farm.startCoordinator(keepingPort: true)
            #expect(try await farm.api.build("debian:1").id == build.id)
            let next = try await farm.api.end(of: try await farm.api.submit("debian"))
            #expect(next.state == "passed", "\(next)")
        }
    }

    /// Neither an authority that is another one's, nor a certificate for another name, nor plain
    /// text gets to the database; the message says what to look at.
    private func refuses(
        _ farm: Farm, _ database: MariaDBEndpoint, _ backup: String
    ) async throws {
        let elsewhere = try await server("elsewhere")
        var stranger = database
        stranger.tls = .init(authorities: folder + "/otherca.pem")
        var misnamed = try await elsewhere.makeDatabase()
        misnamed.tls = database.tls
        for (place, authority) in [(stranger, "otherca"), (misnamed, "ca")] {
            try farm.writeConfiguration(port: farm.port)
            let text = String(
                decoding: try Files.read(farm.configPath, limitBytes: 1 << 20), as: UTF8.self)
            try Files.replace(
                farm.configPath,
                with: text.replacing(farm.line(for: database), with: farm.line(for: place)).utf8)
            for command in [
                ["restore", backup], ["backup", "\(farm.folder)/b"],
                ["db", "migrate", "--dry-run"],
            ] {
                let (status, words) = try await farm.coordinatorCommand(command)
                #expect(status == .exited(1), "\(authority) \(command): \(words)")
                #expect(words.contains("No verified TLS connection to MariaDB at"), "\(words)")
                #expect(words.contains("names 127.0.0.1 and has not expired"), "\(words)")
                #expect(words.contains("ca_file in the database section"), "\(words)")
            }
        }
        var plain = database
        plain.tls = nil
        let text = String(
            decoding: try Files.read(farm.configPath, limitBytes: 1 << 20), as: UTF8.self)
        try Files.replace(
            farm.configPath,
            with: text.replacing(farm.line(for: misnamed), with: farm.line(for: plain)).utf8)
        let (status, words) = try await farm.coordinatorCommand(["db", "migrate", "--dry-run"])
        #expect(status == .exited(1), "\(words)")
        #expect(words.contains("denied"), "\(words)")
    }
}
