import HTTPClientKit
import HTTPServerKit
import HTTPTypes
import ProcessKit
import Support
import TestSupport
import Testing

/// The server by TLS, with curl's library and openssl as clients.
@Suite("HTTPS server", .timeLimit(.minutes(3))) struct TLSServerTests {
    private let temporary: TemporaryFolder
    private let folder: String
    private let client: HTTPClient

    init() async throws {
        temporary = try TemporaryFolder()
        folder = temporary.path + "/c"
        _ = try await TestCertificates(in: folder)
        client = HTTPClient(tls: TLSFiles(authorities: folder + "/ca.pem"))
    }

    private func read(_ name: String) throws -> [UInt8] {
        try Files.read("\(folder)/\(name).pem", limitBytes: 1 << 16)
    }

    private func identity() throws -> TLSIdentity {
        try TLSIdentity(chain: try read("server"), key: try read("server-key"))
    }

    private func withServer(
        limits: HTTPServerLimits = HTTPServerLimits(),
        _ handler: @escaping @Sendable (HTTPRequest) async -> HTTPResponse,
        _ body: (String, HTTPServer) async throws -> Void
    ) async throws {
        let server = HTTPServer(
            host: "127.0.0.1", port: 0, limits: limits, tls: try identity(), handler: handler)
        try server.start()
        do { try await body("127.0.0.1:\(server.boundPort)", server) } catch {
            await server.stop()
            throw error
        }
        await server.stop()
    }

    /// What `openssl s_client` says of a handshake.
    private func handshake(_ address: String, _ options: String...) async throws -> String {
        let output = try await Command(
            ["openssl", "s_client", "-connect", address, "-CAfile", folder + "/ca.pem"] + options,
            environment: Command.minimalEnvironment
        ).run(timeoutSeconds: 300)
        return output.stdoutText + output.stderrText
    }

    @Test("Large bodies, files and streams pass as without TLS")
    func bodies() async throws {
        let file = temporary.path + "/file"
        let bytes = pattern(5 << 20)
        try Files.replace(file, with: bytes)
        try await withServer({ request in
            switch request.path {
            case "/file": HTTPResponse(body: .file(FileSlice(path: file, lengthBytes: 5 << 20)))
            case "/part":
                HTTPResponse(
                    body: .file(FileSlice(path: file, offset: 1 << 20, lengthBytes: 1 << 20)))
            default: HTTPResponse(body: .bytes(request.body))
            }
        }) { address, _ in
            let echoed = try await client.request("POST", "https://\(address)/", body: bytes)
            #expect(echoed.body == bytes)
            let got = try await client.request("GET", "https://\(address)/file")
            #expect(got.body == bytes)
            let part = try await client.request("GET", "https://\(address)/part")
            #expect(part.body == Array(bytes[(1 << 20)..<(2 << 20)]))
        }
    }

    @Test("A client that trusts another authority, or uses plain HTTP, gets nothing")
    func strangers() async throws {
        try await withServer({ _ in .text("secret") }) { address, _ in
            let other = HTTPClient(tls: TLSFiles(authorities: folder + "/otherca.pem"))
            await #expect(throws: HTTPClientError.self) {
                _ = try await other.request("GET", "https://\(address)/")
            }
            await #expect(throws: HTTPClientError.self) {
                _ = try await client.request("GET", "http://\(address)/")
            }
            // Others are served meanwhile, and afterwards.
            let answer = try await client.request("GET", "https://\(address)/")
            #expect(answer.status == 200)
        }
    }

    @Test("TLS 1.2 and 1.3 are spoken, older versions are not")
    func versions() async throws {
        try await withServer({ _ in .text("ok") }) { address, _ in
            for version in ["-tls1_2", "-tls1_3"] {
                let said = try await handshake(address, version)
                #expect(said.contains("Verify return code: 0 (ok)"), "\(said)")
            }
            for version in ["-tls1", "-tls1_1"] {
                // Debian's openssl offers them only at this level.
                let said = try await handshake(address, version, "-cipher", "DEFAULT@SECLEVEL=0")
                #expect(said.contains("no peer certificate available"), "\(said)")
            }
        }
    }

    @Test("A renewed certificate is shown from the next handshake on, and open streams go on")
    func renewal() async throws {
        let (gate, opener) = AsyncStream<Void>.makeStream()
        let source = TestSource { number in
            if number == 1 { for await _ in gate { break } }
            return number < 2 ? Array("piece \(number)\n".utf8) : nil
        }
        try await withServer({ $0.path == "/stream" ? .events(source) : .text("ok") }) {
            address, server in
            async let streamed = curl(
                "--cacert", folder + "/ca.pem", "https://\(address)/stream")
            try await eventually("the stream has begun") { source.asked == 2 }
            let before = try await handshake(address)
            let renewed = temporary.path + "/renewed"
            _ = try await TestCertificates(in: renewed)
            server.use(
                try TLSIdentityFiles(
                    certificate: renewed + "/server.pem", key: renewed + "/server-key.pem"
                ).read())
            let after = try await handshake(address)
            #expect(before.contains("Verify return code: 0 (ok)"))
            #expect(!after.contains("Verify return code: 0 (ok)"), "the old authority's client")
            let trusting = HTTPClient(tls: TLSFiles(authorities: renewed + "/ca.pem"))
            #expect(try await trusting.request("GET", "https://\(address)/").status == 200)
            opener.yield()
            #expect(try await streamed == "piece 0\npiece 1\n")
        }
    }

    @Test("Plain HTTP to the port ends at once, without a word")
    func plainHTTP() async throws {
        try await withServer({ _ in .text("secret") }) { address, _ in
            let said = try await curl("http://\(address)/")
            #expect(said.contains("Empty reply from server"), "\(said)")
        }
    }

    @Test("What does not belong together, or cannot be read, is refused")
    func wrongFiles() async throws {
        func problem(_ chain: [UInt8], _ key: [UInt8]) -> String {
            do throws(HTTPServerError) {
                _ = try TLSIdentity(chain: chain, key: key)
                return "none"
            } catch { return error.description }
        }
        let (chain, key) = (try read("server"), try read("server-key"))
        #expect(problem(chain, key) == "none")
        #expect(try problem(chain, read("ca-key")) == "the certificate is not that of the key")
        #expect(problem([], key) != "none" && problem(chain, []) != "none")
        #expect(problem(key, chain) != "none" && problem(Array("x".utf8), key) != "none")
        let locked = try await Command(
            [
                "openssl", "ec", "-in", folder + "/server-key.pem", "-aes256", "-passout",
                "pass:correct-horse",
            ], environment: Command.minimalEnvironment
        ).run(timeoutSeconds: 300)
        #expect(problem(chain, locked.stdout).contains("has a password"))
        let files = TLSIdentityFiles(
            certificate: folder + "/server.pem", key: folder + "/ca-key.pem")
        let error = #expect(throws: HTTPServerError.self) { try files.read() }
        #expect(
            error?.description == "the certificate \(files.certificate) and the key \(files.key) "
                + "cannot be used: the certificate is not that of the key")
        #expect(try identity().expiresUnixSeconds > Clocks.unixMilliseconds() / 1000 + 86_400)
    }

    @Test("Connections that never shake hands take no room from others")
    func silence() async throws {
        var limits = HTTPServerLimits()
        limits.connections = 64
        limits.connectionsOfPeer = 64
        limits.waitingOfPeer = 16
        limits.threads = 2
        try await withServer(limits: limits, { _ in .empty }) { address, server in
            // Half of them send a beginning that is no handshake.
            let clients = try await OwnThread.run {
                try (0..<300).map { number in
                    let connection = try RawConnection(port: server.boundPort)
                    connection.send(number % 2 == 0 ? "" : "GET / HTTP/1.1\r\n")
                    return connection
                }
            }
            #expect(try await client.request("GET", "https://\(address)/").status == 204)
            #expect(clients.count == 300)
        }
    }
}
