import Glibc
import ProcessKit
import SSHKit
import Support
import TestSupport
import Testing

/// Who the host is and who we are, for bulk sessions: the same strictness, the same words.
@Suite(.timeLimit(.minutes(3))) struct BulkLoginTests {
    private func refusal(
        _ server: SSHServer, _ identity: SSHIdentity? = nil, expecting: SSHHostKey? = nil
    ) async throws -> SSHError {
        try await sshError {
            let session = try await BulkSession.connect(
                to: server.endpoint, expecting: try expecting ?? server.hostKey(),
                identity: identity ?? server.identity(), options: impatient,
                loop: sharedLoop.get())
            await session.close()
        }
    }

    /// Both libraries say the same of the same host.
    private func sameRefusal(
        _ server: SSHServer, _ identity: SSHIdentity? = nil, expecting: SSHHostKey? = nil
    ) async throws -> SSHError {
        let bulk = try await refusal(server, identity, expecting: expecting)
        let control = try await sshError {
            _ = try await SSHConnection.connect(
                to: server.endpoint, expecting: try expecting ?? server.hostKey(),
                identity: identity ?? server.identity(), options: impatient,
                loop: sharedLoop.get())
        }
        #expect(bulk == control)
        return bulk
    }

    @Test(arguments: ["ed25519", "ecdsa"], ["ed25519", "ecdsa"])
    func keysOfBothTypesWork(hostKeyType: String, keyType: String) async throws {
        try await withServer({ $0.clientKeyTypes = [keyType] }) { server in
            let session = try await server.connectInBulk(
                keyType: keyType, hostKeyType: hostKeyType)
            #expect(try await session.output(of: "echo hello") == "hello\n")
            await session.close()
        }
    }

    @Test func changedHostKey() async throws {
        try await withServer { server in
            let other = try await SSHServer.start()
            let error = try await sameRefusal(server, expecting: other.hostKey())
            #expect(error.code == .hostKeyChanged)
            #expect(error.message.contains(try server.hostKey().fingerprint))
            #expect(!server.log.contains("Accepted"))
            #expect(!server.log.contains("Failed publickey"))
        }
    }

    @Test(arguments: ["ecdsa", "rsa"]) func hostKeyTypeThatIsGone(_ type: String) async throws {
        try await withServer({ $0.hostKeyTypes = [type] }) { server in
            let other = try await SSHServer.start()
            let error = try await refusal(server, expecting: other.hostKey())
            // For libssh2, an RSA key alone is nothing in common.
            #expect(error.code == .hostKeyChanged)
            #expect(error.message.contains("has no ssh-ed25519 host key any more"))
            #expect(!server.log.contains("Accepted"))
        }
    }

    @Test(arguments: [
        ("Ciphers 3des-cbc", "3des-cbc", "aes128-gcm@openssh.com"),
        ("KexAlgorithms sntrup761x25519-sha512@openssh.com", "sntrup761", "curve25519-sha256"),
    ])
    func nothingInCommon(line: String, theirs: String, ours: String) async throws {
        try await withServer({ $0.lines = [line] }) { server in
            let error = try await refusal(server)
            #expect(error.code == .noCommonAlgorithm)
            for part in [theirs, ours, "libssh 0.", "OpenSSH", "sshd_config"] {
                #expect(error.message.contains(part), "\(error)")
            }
        }
    }

    /// What the control session can use, a transfer can use too.
    @Test(arguments: ["Ciphers aes128-ctr\nMACs hmac-sha2-256", "Ciphers aes256-gcm@openssh.com"])
    func otherCiphers(lines: String) async throws {
        try await withServer({ $0.lines = lines.split(separator: "\n").map(String.init) }) {
            server in
            let session = try await server.connectInBulk()
            #expect(try await session.output(of: "echo hello") == "hello\n")
            await session.close()
        }
    }

    @Test func refusedKeys() async throws {
        try await withServer { server in
            let stranger = "\(server.folder)/stranger"
            try await SSHServer.makeKey(stranger, "ed25519")
            let error = try await sameRefusal(server, .keyFile(path: stranger))
            #expect(error.code == .authenticationRefused)
            #expect(error.message.contains("SHA256:"))

            let missing = try await sameRefusal(server, .keyFile(path: "/none/such"))
            #expect(missing.code == .keyFileUnusable)
            let bytes = try Files.read(server.keyFile(), limitBytes: 1 << 16)
            try Files.replace("\(server.folder)/damaged", with: bytes.prefix(120))
            let damaged = try await refusal(server, .keyFile(path: "\(server.folder)/damaged"))
            #expect(damaged.code == .keyFileUnusable)
        }
        try await withServer({
            $0.lines = ["PubkeyAuthentication no", "PasswordAuthentication yes"]
        }) { server in
            let error = try await sameRefusal(server)
            #expect(error.message.contains("it offers password"), "\(error)")
        }
    }

    @Test func passphrases() async throws {
        try await withServer { server in
            let path = "\(server.folder)/id_locked"
            try await SSHServer.makeKey(path, "ed25519", passphrase: "correct horse")
            let line = try Files.read(path + ".pub", limitBytes: 4096)
            try Files.replace("\(server.folder)/authorized_keys", with: line, mode: 0o600)
            let session = try await BulkSession.connect(
                to: server.endpoint, expecting: try server.hostKey(),
                identity: .keyFile(path: path, passphrase: "correct horse"), options: impatient,
                loop: sharedLoop.get())
            await session.close()
            let wrong = try await sameRefusal(server, .keyFile(path: path, passphrase: "guess"))
            #expect(wrong.code == .keyFileUnusable && wrong.message.contains("wrong"))
            _ = try await sameRefusal(server, .keyFile(path: path))
        }
    }

    @Test func sshAgent() async throws {
        try await withServer({ $0.clientKeyTypes = ["ecdsa"] }) { server in
            let socket = "\(server.folder)/agent"
            let absent = try await sameRefusal(server, .agent(socketPath: socket))
            #expect(absent.code == .agentUnusable)
            let agent = try ChildProcess(
                Command(
                    ["ssh-agent", "-D", "-a", socket], environment: Command.minimalEnvironment))
            defer { agent.signalGroup(SIGKILL) }
            try await eventually("the agent listens") { Files.exists(socket) }
            let empty = try await sameRefusal(server, .agent(socketPath: socket))
            #expect(empty.message.contains("ssh-add"))

            // The host knows the second key only.
            try await SSHServer.makeKey("\(server.folder)/other", "ed25519")
            try await add("\(server.folder)/other", to: socket)
            let unknown = try await sameRefusal(server, .agent(socketPath: socket))
            #expect(unknown.code == .authenticationRefused)
            try await add(server.keyFile("ecdsa"), to: socket)
            let session = try await BulkSession.connect(
                to: server.endpoint, expecting: try server.hostKey(),
                identity: .agent(socketPath: socket), options: impatient, loop: sharedLoop.get())
            #expect(try await session.output(of: "echo by agent") == "by agent\n")
            await session.close()
        }
    }

    private func add(_ key: String, to socket: String) async throws {
        var environment = Command.minimalEnvironment
        environment["SSH_AUTH_SOCK"] = socket
        let output = try await Command(["ssh-add", "-q", key], environment: environment)
            .run(timeoutSeconds: 30)
        try #require(output.status == .exited(0), "\(output.stderrText)")
    }

    @Test func peersThatAreNoSSHServer() async throws {
        func error(_ server: TCPServer, seconds: Int = 20) async throws -> SSHError {
            let any = try await SSHServer.start()
            return try await sshError {
                _ = try await BulkSession.connect(
                    to: server.endpoint, expecting: any.hostKey(), identity: any.identity(),
                    options: SSHOptions(connectTimeoutSeconds: seconds), loop: sharedLoop.get())
            }
        }
        let silent = try await error(TCPServer(), seconds: 1)
        #expect(silent.code == .timedOut)
        #expect(silent.message.contains("within 1 s"))
        for greeting in ["", "Exceeded MaxStartups\r\n", "SSH-2.0-OpenSSH_9.2\r\n"] {
            let cut = try await error(TCPServer(greeting: greeting, hangsUp: true))
            #expect(cut.code == .connectionLost, "\(cut)")
        }
        let garbage = String(decoding: pattern(4000).map { $0 & 0x7F }, as: UTF8.self)
        for greeting in ["HTTP/1.1 400 Bad Request\r\n\r\n", "SSH-2.0-x\r\n" + garbage] {
            let other = try await error(TCPServer(greeting: greeting), seconds: 2)
            #expect(other.isTimeoutOrProtocol, "\(other)")
        }
    }

    @Test func cancelledConnect() async throws {
        let peer = try TCPServer()
        let any = try await SSHServer.start()
        let connecting = Task {
            try await BulkSession.connect(
                to: peer.endpoint, expecting: any.hostKey(), identity: any.identity(),
                options: impatient, loop: sharedLoop.get())
        }
        connecting.cancel()
        await #expect(throws: CancellationError.self) { try await connecting.value }
    }
}
