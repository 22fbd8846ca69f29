import Glibc
import Support
import TestSupport
import Testing

@testable import SQLKit

/// TLS to real servers, with certificates that openssl made.
@Suite(.timeLimit(.minutes(4))) struct MariaDBTLSTests {
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

    private func start(_ certificate: String) async throws -> MariaDBServer {
        try await MariaDBServer.start(options: [
            "--ssl-cert=\(folder)/\(certificate).pem", "--ssl-key=\(folder)/\(certificate)-key.pem",
            "--ssl-ca=\(folder)/ca.pem",
        ])
    }

    /// What becomes of a connection: the cipher, or the error.
    private func attempt(
        _ endpoint: MariaDBEndpoint, _ tls: MariaDBEndpoint.TLS?
    ) async throws -> Result<String, SQLError> {
        var endpoint = endpoint
        endpoint.tls = tls
        do {
            let database = try await SQLDatabase.open(.mariadb(endpoint))
            let row = try await database.query("SHOW STATUS LIKE 'Ssl_cipher'").first
            await database.close()
            return .success(try row?.text("Value") ?? "")
        } catch let error as SQLError { return .failure(error) }
    }

    private var authority: MariaDBEndpoint.TLS { .init(authorities: folder + "/ca.pem") }

    private func words(_ result: Result<String, SQLError>) -> String {
        guard case .failure(let error) = result, error.code == .unreachable else {
            return "unexpected: \(result)"
        }
        return error.description
    }

    @Test("A server is used if its authority is the configured one and its name the given one")
    func verified() async throws {
        let server = try await start("server")
        let endpoint = try await server.makeDatabase()
        #expect(try await attempt(endpoint, authority).get().hasPrefix("TLS_"))
        var named = endpoint
        named.host = "localhost"
        #expect(try await attempt(named, authority).get().hasPrefix("TLS_"))

        let stranger = MariaDBEndpoint.TLS(authorities: folder + "/otherca.pem")
        let refusal = words(try await attempt(endpoint, stranger))
        #expect(refusal.contains("No verified TLS connection to MariaDB at 127.0.0.1:"))
        #expect(refusal.contains("ca_file") && refusal.contains("certificate"), "\(refusal)")
        let missing = MariaDBEndpoint.TLS(authorities: folder + "/none.pem")
        #expect(words(try await attempt(endpoint, missing)).contains("No verified TLS connection"))
    }

    @Test("A certificate for another name, or one that has expired, is refused")
    func wrongCertificates() async throws {
        for certificate in ["elsewhere", "expired"] {
            let server = try await start(certificate)
            let refusal = words(try await attempt(try await server.makeDatabase(), authority))
            #expect(refusal.contains("No verified TLS connection"), "\(certificate): \(refusal)")
        }
    }

    /// Nor does it get the password.
    @Test("A server without TLS is refused")
    func serverWithoutTLS() async throws {
        let endpoint = try await MariaDBServer.shared().makeDatabase()
        #expect(try await attempt(endpoint, nil).get() == "")
        let refusal = words(try await attempt(endpoint, authority))
        #expect(refusal.contains("No verified TLS connection"), "\(refusal)")
    }

    @Test("A server that asks for a client's certificate gets it")
    func clientCertificate() async throws {
        let server = try await start("server")
        let endpoint = try await server.makeDatabase()
        _ = try await server.asRoot("ALTER USER aibuild@'%' REQUIRE X509")
        guard case .failure(let error) = try await attempt(endpoint, authority) else {
            Issue.record("taken without a certificate")
            return
        }
        #expect(error.code == .accessDenied, "\(error)")
        var tls = authority
        (tls.certificate, tls.key) = (folder + "/cert.pem", folder + "/key.pem")
        #expect(try await attempt(endpoint, tls).get().hasPrefix("TLS_"))
    }
}
