import SSHKit
import Support
import TestSupport
import Testing

/// Host keys and the negotiation of algorithms, over both libraries.
@Suite("Handshake", .timeLimit(.minutes(3))) struct HandshakeTests {
    @Test("A scan shows the host key and needs no login", arguments: SSHOptions.Library.both)
    func scan(library: SSHOptions.Library) async throws {
        try await withServer({ $0.clientKeyTypes = [] }) { server in
            let key = try await SSHConnection.scanHostKey(
                of: server.endpoint, options: options(library), loop: sharedLoop.get())
            #expect(try key == server.hostKey())
        }
    }

    @Test(
        "A host is reached by its IPv6 address, and has its key under it",
        arguments: SSHOptions.Library.both)
    func ipv6(library: SSHOptions.Library) async throws {
        try await withServer({ $0.lines = ["ListenAddress ::1"] }) { server in
            let endpoint = try SSHEndpoint("\(server.endpoint.user)@[::1]:\(server.port)")
            let key = try KnownHosts.key(
                of: endpoint, in: "[::1]:\(server.port) \(try server.hostKey())")
            let connection = try await SSHConnection.connect(
                to: endpoint, expecting: key, identity: server.identity(),
                options: options(library), loop: sharedLoop.get())
            #expect(try await connection.output(of: "echo $SSH_CONNECTION").hasPrefix("::1 "))
            await connection.close()
        }
    }

    @Test(
        "A changed host key is refused before any data is sent to the host",
        arguments: SSHOptions.Library.both)
    func changedHostKey(library: SSHOptions.Library) async throws {
        try await withServer { server in
            let other = try await SSHServer.start()
            let error = try await server.refusal(library, expecting: other.hostKey())
            #expect(error.code == .hostKeyChanged)
            #expect(error.isPermanent)
            #expect(error.message.contains(try server.hostKey().fingerprint))
            #expect(error.message.contains(try other.hostKey().fingerprint))
            #expect(!server.log.contains("Accepted"))
            #expect(!server.log.contains("Failed publickey"))
        }
    }

    /// For libssh2, an RSA key alone means that there is no common algorithm.
    @Test(
        "A host without the expected type of host key counts as changed",
        arguments: [
            (SSHOptions.Library.libssh2, "ecdsa", "ecdsa-sha2-nistp256"),
            (.libssh, "ecdsa", "ecdsa-sha2-nistp256"), (.libssh, "rsa", "rsa-sha2-512"),
        ])
    func hostKeyTypeThatIsGone(
        library: SSHOptions.Library, type: String, offered: String
    ) async throws {
        try await withServer({ $0.hostKeyTypes = [type] }) { server in
            let other = try await SSHServer.start()
            let error = try await server.refusal(library, expecting: other.hostKey())
            #expect(error.code == .hostKeyChanged)
            #expect(error.message.contains("has no ssh-ed25519 host key any more"))
            #expect(error.message.contains(offered))
            #expect(!server.log.contains("Accepted"))
        }
    }

    @Test(
        "Without a common algorithm, the error says what each side supports and what to change",
        arguments: [
            (
                SSHOptions.Library.libssh2,
                "Ciphers aes128-gcm@openssh.com,aes256-gcm@openssh.com", "aes128-gcm", "aes128-ctr"
            ),
            (.libssh2, "MACs hmac-sha2-256-etm@openssh.com", "hmac-sha2-256-etm", "hmac-sha2-256"),
            (
                .libssh2, "KexAlgorithms sntrup761x25519-sha512@openssh.com", "sntrup761",
                "curve25519-sha256"
            ),
            (.libssh, "Ciphers 3des-cbc", "3des-cbc", "aes128-gcm@openssh.com"),
            (
                .libssh, "KexAlgorithms sntrup761x25519-sha512@openssh.com", "sntrup761",
                "curve25519-sha256"
            ),
        ])
    func nothingInCommon(
        library: SSHOptions.Library, line: String, theirs: String, ours: String
    ) async throws {
        try await withServer({ $0.lines = [line] }) { server in
            let error = try await server.refusal(library)
            #expect(error.code == .noCommonAlgorithm)
            #expect(error.isPermanent)
            let names = library == .libssh2 ? ["libssh2 1.", "1.11"] : ["libssh 0."]
            for part in [theirs, ours, "OpenSSH", "sshd_config"] + names {
                #expect(error.message.contains(part), "\(error)")
            }
        }
    }

    /// What the control connection can use, a transfer can use as well.
    @Test(
        "Hosts with one cipher are connected",
        arguments: [
            (SSHOptions.Library.libssh2, "Ciphers aes128-ctr\nMACs hmac-sha2-256"),
            (.libssh, "Ciphers aes128-ctr\nMACs hmac-sha2-256"),
            (.libssh, "Ciphers aes256-gcm@openssh.com"),
            (.libssh, "Ciphers aes128-ctr\nMACs hmac-sha2-256-etm@openssh.com"),
        ])
    func otherCiphers(library: SSHOptions.Library, lines: String) async throws {
        try await withConnection(
            options(library), { $0.lines = lines.split(separator: "\n").map(String.init) }
        ) { connection, _ in
            let output = try await connection.output(of: "echo hello")
            #expect(output == "hello\n")
        }
    }

    @Test("libssh2 reports that it cannot use a host with an RSA key only")
    func hostWithAnRSAKeyOnly() async throws {
        try await withServer({ $0.hostKeyTypes = ["rsa"] }) { server in
            let error = try await scanError(server.endpoint, .libssh2)
            #expect(error.code == .noCommonAlgorithm)
            for part in ["host key", "rsa-sha2-512", "ssh-ed25519", "ssh-keygen -A"] {
                #expect(error.message.contains(part), "\(error)")
            }
        }
    }

    @Test("A port without a listener is named") func nobodyListens() async throws {
        let endpoint = SSHEndpoint(user: "root", host: "127.0.0.1", port: try LoopbackPort.free())
        let error = try await scanError(endpoint, .libssh2)
        #expect(error.code == .refused)
        #expect(!error.isPermanent)
        #expect(error.message.contains("127.0.0.1:\(endpoint.port)"))
    }

    @Test("A name without an address is named") func unknownName() async throws {
        let endpoint = SSHEndpoint(user: "root", host: "no-such-host.invalid")
        let error = try await scanError(endpoint, .libssh2)
        #expect([.nameUnknown, .unreachable, .timedOut].contains(error.code))
        #expect(error.message.contains("no-such-host.invalid"))
    }

    @Test("A silent peer times out", arguments: SSHOptions.Library.both)
    func peerThatNeverSpeaks(library: SSHOptions.Library) async throws {
        let server = try TCPServer()
        let before = Clocks.monotonicMilliseconds()
        let error = try await scanError(server.endpoint, library, seconds: 1)
        #expect(error.code == .timedOut)
        #expect(error.message.contains("within 1 s"))
        #expect(Clocks.monotonicMilliseconds() - before >= 1000)
    }

    @Test("A peer with another protocol is reported as not SSH", arguments: SSHOptions.Library.both)
    func peerThatSpeaksSomethingElse(library: SSHOptions.Library) async throws {
        let server = try TCPServer(greeting: "\0HTTP/1.1 400 Bad Request\r\n\r\n")
        let error = try await scanError(server.endpoint, library, seconds: 2)
        #expect(library == .libssh2 ? error.code == .notSSH : error.isTimeoutOrProtocol)
        let endless = try TCPServer(greeting: String(repeating: "x", count: 100_000))
        #expect(try await scanError(endless.endpoint, library, seconds: 2).isTimeoutOrProtocol)
    }

    @Test(
        "A peer that hangs up is reported with what may be the reason",
        arguments: SSHOptions.Library.both,
        ["", "Exceeded MaxStartups\r\n", "SSH-2.0-OpenSSH_9.2\r\n"])
    func peerThatHangsUp(library: SSHOptions.Library, greeting: String) async throws {
        let server = try TCPServer(greeting: greeting, hangsUp: true)
        let error = try await scanError(server.endpoint, library)
        #expect(error.code == .connectionLost, "\(error)")
        #expect(error.message.contains("MaxStartups"))
    }

    @Test(
        "Nonsense where the first packet should be is refused", arguments: SSHOptions.Library.both)
    func peerThatSendsGarbage(library: SSHOptions.Library) async throws {
        let garbage = String(decoding: pattern(4000).map { $0 & 0x7F }, as: UTF8.self)
        let server = try TCPServer(greeting: "SSH-2.0-x\r\n" + garbage)
        let error = try await scanError(server.endpoint, library, seconds: 2)
        #expect(error.isTimeoutOrProtocol, "\(error)")
    }

    @Test("A handshake can be cancelled", arguments: SSHOptions.Library.both)
    func cancellation(library: SSHOptions.Library) async throws {
        let server = try TCPServer()
        let scan = Task {
            try await SSHConnection.scanHostKey(
                of: server.endpoint, options: options(library), loop: sharedLoop.get())
        }
        scan.cancel()
        await #expect(throws: CancellationError.self) { try await scan.value }
    }

    private func scanError(
        _ endpoint: SSHEndpoint, _ library: SSHOptions.Library, seconds: Int = 20
    ) async throws -> SSHError {
        try await sshError {
            _ = try await SSHConnection.scanHostKey(
                of: endpoint, options: options(library, connectTimeoutSeconds: seconds),
                loop: sharedLoop.get())
        }
    }
}

extension SSHError {
    fileprivate var isTimeoutOrProtocol: Bool {
        [.timedOut, .protocolViolated, .notSSH, .connectionLost].contains(code)
    }
}
