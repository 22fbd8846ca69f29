import Glibc
import ProcessKit
import SSHKit
import Support
import TestSupport
import Testing

/// Logging in to a real sshd, and every way in which that is refused.
@Suite(.timeLimit(.minutes(3))) struct LoginTests {
    private func refusal(
        _ server: SSHServer, _ identity: SSHIdentity, user: String? = nil
    ) async throws -> SSHError {
        var endpoint = server.endpoint
        if let user { endpoint.user = user }
        return try await sshError {
            let connection = try await SSHConnection.connect(
                to: endpoint, expecting: try server.hostKey(), identity: identity,
                options: impatient, loop: sharedLoop.get())
            await connection.close()
        }
    }

    @Test(arguments: ["ed25519", "ecdsa"], ["ed25519", "ecdsa"])
    func keysOfBothTypesWork(hostKeyType: String, keyType: String) async throws {
        try await withServer({ $0.clientKeyTypes = [keyType] }) { server in
            let connection = try await server.connect(keyType: keyType, hostKeyType: hostKeyType)
            #expect(try await connection.output(of: "echo hello") == "hello\n")
            await connection.close()
        }
    }

    @Test func keyWithPassphrase() async throws {
        try await withServer { server in
            let path = "\(server.folder)/id_locked"
            try await SSHServer.makeKey(path, "ed25519", passphrase: "correct horse")
            let line = try Files.read(path + ".pub", limitBytes: 4096)
            try Files.replace("\(server.folder)/authorized_keys", with: line, mode: 0o600)

            let connection = try await SSHConnection.connect(
                to: server.endpoint, expecting: try server.hostKey(),
                identity: .keyFile(path: path, passphrase: "correct horse"), options: impatient,
                loop: sharedLoop.get())
            await connection.close()

            let wrong = try await refusal(
                server, .keyFile(path: path, passphrase: "battery staple"))
            #expect(wrong.code == .keyFileUnusable)
            #expect(wrong.message.contains("passphrase") && wrong.message.contains("wrong"))
            #expect(!wrong.message.contains("battery"))
            let none = try await refusal(server, .keyFile(path: path))
            #expect(none.code == .keyFileUnusable)
            #expect(none.message.contains("none was given"))
        }
    }

    @Test func pemKeyWithoutItsPassphrase() async throws {
        try await withServer({ $0.clientKeyTypes = [] }) { server in
            let path = "\(server.folder)/id_pem"
            let made = try await Command(
                ["ssh-keygen", "-q", "-t", "ecdsa", "-m", "PEM", "-N", "secret", "-f", path],
                environment: Command.minimalEnvironment
            ).run(timeoutSeconds: 30)
            try #require(made.status == .exited(0))
            let none = try await refusal(server, .keyFile(path: path))
            #expect(none.code == .keyFileUnusable)
            let wrong = try await refusal(server, .keyFile(path: path, passphrase: "guess"))
            #expect(wrong.code == .keyFileUnusable)
        }
    }

    @Test func sshAgent() async throws {
        try await withServer({ $0.clientKeyTypes = ["ecdsa"] }) { server in
            let socket = "\(server.folder)/agent"
            let agent = try ChildProcess(
                Command(
                    ["ssh-agent", "-D", "-a", socket], environment: Command.minimalEnvironment))
            defer { agent.signalGroup(SIGKILL) }
            try await eventually("the agent listens") { Files.exists(socket) }
            let empty = try await refusal(server, .agent(socketPath: socket))
            #expect(empty.code == .agentUnusable)
            #expect(empty.message.contains("ssh-add"))

            // The host knows the second key only.
            try await SSHServer.makeKey("\(server.folder)/other", "ed25519")
            try await add("\(server.folder)/other", to: socket)
            let unknown = try await refusal(server, .agent(socketPath: socket))
            #expect(unknown.code == .authenticationRefused)
            #expect(unknown.message.contains("SHA256:"))
            try await add(server.keyFile("ecdsa"), to: socket)
            let connection = try await SSHConnection.connect(
                to: server.endpoint, expecting: try server.hostKey(),
                identity: .agent(socketPath: socket), options: impatient, loop: sharedLoop.get())
            #expect(try await connection.output(of: "echo by agent") == "by agent\n")
            await connection.close()
        }
    }

    private func add(_ key: String, to socket: String) async throws {
        var environment = Command.minimalEnvironment
        environment["SSH_AUTH_SOCK"] = socket
        let output = try await Command(["ssh-add", "-q", key], environment: environment)
            .run(timeoutSeconds: 30)
        try #require(output.status == .exited(0), "\(output.stderrText)")
    }

    @Test func noAgent() async throws {
        try await withServer { server in
            let error = try await refusal(server, .agent(socketPath: "\(server.folder)/none"))
            #expect(error.code == .agentUnusable)
            #expect(error.message.contains("\(server.folder)/none"))
        }
    }

    @Test func wrongKey() async throws {
        try await withServer { server in
            let path = "\(server.folder)/stranger"
            try await SSHServer.makeKey(path, "ed25519")
            let error = try await refusal(server, .keyFile(path: path))
            #expect(error.code == .authenticationRefused)
            #expect(error.isPermanent)
            for part in [path, "SHA256:", server.endpoint.user, "publickey", "authorized_keys"] {
                #expect(error.message.contains(part), "\(error)")
            }
        }
    }

    @Test func unknownUser() async throws {
        try await withServer { server in
            let error = try await refusal(server, server.identity(), user: "nobody-here")
            #expect(error.code == .authenticationRefused)
            #expect(error.message.contains("nobody-here"))
        }
    }

    @Test func hostWantsNoKeys() async throws {
        try await withServer({
            $0.lines = ["PubkeyAuthentication no", "PasswordAuthentication yes"]
        }) { server in
            let error = try await refusal(server, server.identity())
            #expect(error.code == .authenticationRefused)
            #expect(error.message.contains("it offers password"), "\(error)")
        }
    }

    @Test func rsaUserKeySaysWhyItFails() async throws {
        try await withServer({ $0.clientKeyTypes = ["rsa"] }) { server in
            let error = try await refusal(server, server.identity("rsa"))
            #expect(error.code == .authenticationRefused)
            #expect(
                error.message.contains("SHA-1") && error.message.contains("ed25519"), "\(error)")
        }
    }

    @Test func unusableKeyFiles() async throws {
        try await withServer { server in
            let missing = try await refusal(server, .keyFile(path: "/none/such"))
            #expect(missing.code == .keyFileUnusable)
            #expect(missing.message.contains("/none/such"))
            #expect(missing.message.contains("ssh-keygen"))

            let folder = try await refusal(server, .keyFile(path: server.folder))
            #expect(folder.code == .keyFileUnusable)

            let publicHalf = try await refusal(server, .keyFile(path: server.keyFile() + ".pub"))
            #expect(publicHalf.message.contains("public key"))

            let bytes = try Files.read(server.keyFile(), limitBytes: 1 << 16)
            for damaged in [Array(bytes.prefix(120)), [], Array("hello".utf8)] {
                let path = "\(server.folder)/damaged"
                try Files.replace(path, with: damaged)
                let error = try await refusal(server, .keyFile(path: path))
                #expect(error.code == .keyFileUnusable, "\(error)")
                #expect(error.message.contains(path))
            }
        }
    }
}
