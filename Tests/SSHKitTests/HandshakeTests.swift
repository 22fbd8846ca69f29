import SSHKit
import Support
import TestSupport
import Testing

/// Who the host is, and whether both speak the same.
@Suite(.timeLimit(.minutes(3))) struct HandshakeTests {
    @Test func scanShowsTheKeyAndNeedsNoLogin() async throws {
        try await withServer({ $0.clientKeyTypes = [] }) { server in
            let key = try await SSHConnection.scanHostKey(
                of: server.endpoint, options: impatient, loop: sharedLoop.get())
            #expect(try key == server.hostKey())
        }
    }

    @Test func changedHostKey() async throws {
        try await withServer { server in
            let other = try await SSHServer.start()
            let error = try await sshError {
                _ = try await SSHConnection.connect(
                    to: server.endpoint, expecting: other.hostKey(), identity: server.identity(),
                    options: impatient, loop: sharedLoop.get())
            }
            #expect(error.code == .hostKeyChanged)
            #expect(error.isPermanent)
            #expect(error.message.contains(try server.hostKey().fingerprint))
            #expect(error.message.contains(try other.hostKey().fingerprint))
            #expect(!server.log.contains("Accepted"))
            #expect(!server.log.contains("Failed publickey"))
        }
    }

    @Test func hostKeyTypeThatIsGone() async throws {
        try await withServer({ $0.hostKeyTypes = ["ecdsa"] }) { server in
            let other = try await SSHServer.start()
            let error = try await sshError {
                _ = try await SSHConnection.connect(
                    to: server.endpoint, expecting: other.hostKey(), identity: server.identity(),
                    options: impatient, loop: sharedLoop.get())
            }
            #expect(error.code == .hostKeyChanged)
            #expect(error.message.contains("ssh-ed25519"))
            #expect(error.message.contains("ecdsa-sha2-nistp256"))
        }
    }

    /// What this libssh2 cannot do, and what the error must name.
    @Test(arguments: [
        ("Ciphers aes128-gcm@openssh.com,aes256-gcm@openssh.com", "aes128-gcm", "aes128-ctr"),
        ("MACs hmac-sha2-256-etm@openssh.com", "hmac-sha2-256-etm", "hmac-sha2-256"),
        ("KexAlgorithms sntrup761x25519-sha512@openssh.com", "sntrup761", "curve25519-sha256"),
    ])
    func nothingInCommon(line: String, theirs: String, ours: String) async throws {
        try await withServer({ $0.lines = [line] }) { server in
            let error = try await sshError { _ = try await server.connect() }
            #expect(error.code == .noCommonAlgorithm)
            #expect(error.isPermanent)
            for part in [theirs, ours, "libssh2 1.", "OpenSSH", "sshd_config", "1.11"] {
                #expect(error.message.contains(part), "\(error)")
            }
        }
    }

    @Test func hostWithAnRSAKeyOnly() async throws {
        try await withServer({ $0.hostKeyTypes = ["rsa"] }) { server in
            let error = try await sshError {
                _ = try await SSHConnection.scanHostKey(
                    of: server.endpoint, options: impatient, loop: sharedLoop.get())
            }
            #expect(error.code == .noCommonAlgorithm)
            for part in ["host key", "rsa-sha2-512", "ssh-ed25519", "ssh-keygen -A"] {
                #expect(error.message.contains(part), "\(error)")
            }
        }
    }

    @Test func nobodyListens() async throws {
        let endpoint = SSHEndpoint(user: "root", host: "127.0.0.1", port: try LoopbackPort.free())
        let error = try await scanError(endpoint)
        #expect(error.code == .refused)
        #expect(!error.isPermanent)
        #expect(error.message.contains("127.0.0.1:\(endpoint.port)"))
    }

    @Test func unknownName() async throws {
        let error = try await scanError(SSHEndpoint(user: "root", host: "no-such-host.invalid"))
        #expect([.nameUnknown, .unreachable, .timedOut].contains(error.code))
        #expect(error.message.contains("no-such-host.invalid"))
    }

    @Test func peerThatNeverSpeaks() async throws {
        let server = try TCPServer()
        let before = Clocks.monotonicMilliseconds()
        let error = try await scanError(server.endpoint, seconds: 1)
        #expect(error.code == .timedOut)
        #expect(error.message.contains("within 1 s"))
        #expect(Clocks.monotonicMilliseconds() - before >= 1000)
    }

    @Test func peerThatSpeaksSomethingElse() async throws {
        let server = try TCPServer(greeting: "\0HTTP/1.1 400 Bad Request\r\n\r\n")
        #expect(try await scanError(server.endpoint).code == .notSSH)
        let endless = try TCPServer(greeting: String(repeating: "x", count: 100_000))
        #expect(try await scanError(endless.endpoint, seconds: 2).isTimeoutOrProtocol)
    }

    @Test func peerThatHangsUp() async throws {
        for greeting in ["", "Exceeded MaxStartups\r\n", "SSH-2.0-OpenSSH_9.2\r\n"] {
            let server = try TCPServer(greeting: greeting, hangsUp: true)
            let error = try await scanError(server.endpoint)
            #expect(error.code == .connectionLost, "\(error)")
            #expect(error.message.contains("MaxStartups"))
        }
    }

    /// A peer that answers with nonsense where the first packet should be.
    @Test func peerThatSendsGarbage() async throws {
        let garbage = String(decoding: pattern(4000).map { $0 & 0x7F }, as: UTF8.self)
        let server = try TCPServer(greeting: "SSH-2.0-x\r\n" + garbage)
        let error = try await scanError(server.endpoint, seconds: 2)
        #expect(error.isTimeoutOrProtocol, "\(error)")
    }

    @Test func cancellation() async throws {
        let server = try TCPServer()
        let scan = Task {
            try await SSHConnection.scanHostKey(
                of: server.endpoint, options: impatient, loop: sharedLoop.get())
        }
        scan.cancel()
        await #expect(throws: CancellationError.self) { try await scan.value }
    }

    private func scanError(_ endpoint: SSHEndpoint, seconds: Int = 20) async throws -> SSHError {
        try await sshError {
            _ = try await SSHConnection.scanHostKey(
                of: endpoint, options: SSHOptions(connectTimeoutSeconds: seconds),
                loop: sharedLoop.get())
        }
    }
}

extension SSHError {
    var isTimeoutOrProtocol: Bool {
        [.timedOut, .protocolViolated, .notSSH, .connectionLost].contains(code)
    }
}
