import Glibc
import ProcessKit
import SSHKit
import Support
import TestSupport
import Testing

/// Logins to a real sshd, and every way in which they are refused: over both libraries, with the
/// same error.
@Suite("Login", .timeLimit(.minutes(3))) struct LoginTests {
    /// The error over both libraries; the causes differ.
    private func refusal(
        _ server: SSHServer, _ identity: SSHIdentity? = nil, user: String? = nil
    ) async throws -> SSHError {
        var errors: [SSHError] = []
        for library in SSHOptions.Library.both {
            var error = try await server.refusal(library, as: identity, user: user)
            if error.cause is LibraryError { error.cause = nil }
            errors.append(error)
        }
        #expect(errors[0].code == errors[1].code)
        #expect("\(errors[0])" == "\(errors[1])")
        return errors[0]
    }

    @Test("ed25519 and ECDSA keys work on both sides", arguments: SSHOptions.Library.both)
    func keysOfBothTypes(library: SSHOptions.Library) async throws {
        let types = ["ed25519", "ecdsa"]
        try await withServer({ $0.clientKeyTypes = types }) { server in
            for (hostKeyType, keyType) in types.flatMap({ type in types.map { (type, $0) } }) {
                let connection = try await server.connect(
                    options(library), as: server.identity(keyType),
                    expecting: server.hostKey(hostKeyType))
                #expect(try await connection.output(of: "echo hello") == "hello\n")
                await connection.close()
            }
        }
    }

    @Test("A passphrase opens a key, and a wrong or missing one is reported but not shown")
    func keyWithPassphrase() async throws {
        try await withServer { server in
            let path = "\(server.folder)/id_locked"
            try await SSHServer.makeKey(path, "ed25519", passphrase: "correct horse")
            let line = try Files.read(path + ".pub", limitBytes: 4096)
            try Files.replace("\(server.folder)/authorized_keys", with: line, mode: 0o600)
            for library in SSHOptions.Library.both {
                let connection = try await server.connect(
                    options(library), as: .keyFile(path: path, passphrase: "correct horse"))
                await connection.close()
            }
            let wrong = try await refusal(
                server, .keyFile(path: path, passphrase: "battery staple"))
            #expect(wrong.code == .keyFileUnusable)
            #expect(wrong.message.contains("passphrase") && wrong.message.contains("wrong"))
            #expect(!"\(wrong)".contains("battery"))
            let none = try await refusal(server, .keyFile(path: path))
            #expect(none.code == .keyFileUnusable)
            #expect(none.message.contains("none was given"))
        }
    }

    @Test("A PEM key without its passphrase is refused")
    func pemKeyWithoutItsPassphrase() async throws {
        try await withServer({ $0.clientKeyTypes = [] }) { server in
            let path = "\(server.folder)/id_pem"
            let made = try await Command(
                ["ssh-keygen", "-q", "-t", "ecdsa", "-m", "PEM", "-N", "secret", "-f", path],
                environment: Command.minimalEnvironment
            ).run(timeoutSeconds: 300)
            try #require(made.status == .exited(0))
            let none = try await refusal(server, .keyFile(path: path))
            #expect(none.code == .keyFileUnusable)
            let wrong = try await refusal(server, .keyFile(path: path, passphrase: "guess"))
            #expect(wrong.code == .keyFileUnusable)
        }
    }

    @Test("An ssh-agent's keys are tried in turn")
    func sshAgent() async throws {
        try await withServer({ $0.clientKeyTypes = ["ecdsa"] }) { server in
            let socket = "\(server.folder)/agent"
            let absent = try await refusal(server, .agent(socketPath: socket))
            #expect(absent.code == .agentUnusable)
            #expect(absent.message.contains(socket))
            #expect(
                absent.cause as? SystemError
                    == SystemError(errno: ENOENT, "cannot connect to \(socket)"))
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
            for library in SSHOptions.Library.both {
                let connection = try await server.connect(
                    options(library), as: .agent(socketPath: socket), expecting: server.hostKey())
                #expect(try await connection.output(of: "echo by agent") == "by agent\n")
                await connection.close()
            }
        }
    }

    private func add(_ key: String, to socket: String) async throws {
        var environment = Command.minimalEnvironment
        environment["SSH_AUTH_SOCK"] = socket
        let output = try await Command(["ssh-add", "-q", key], environment: environment)
            .run(timeoutSeconds: 300)
        try #require(output.status == .exited(0), "\(output.stderrText)")
    }

    @Test("A key that the host does not accept is named, with what to check")
    func wrongKey() async throws {
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

    @Test("An unknown user is named") func unknownUser() async throws {
        try await withServer { server in
            let error = try await refusal(server, user: "nobody-here")
            #expect(error.code == .authenticationRefused)
            #expect(error.message.contains("nobody-here"))
        }
    }

    @Test("The error names what a host without login by key offers")
    func hostWantsNoKeys() async throws {
        try await withServer({
            $0.lines = ["PubkeyAuthentication no", "PasswordAuthentication yes"]
        }) { server in
            let error = try await refusal(server)
            #expect(error.code == .authenticationRefused)
            #expect(error.message.contains("it offers password"), "\(error)")
        }
    }

    @Test("A refused RSA key is reported with the reason in libssh2")
    func rsaUserKeySaysWhyItFails() async throws {
        try await withServer({ $0.clientKeyTypes = ["rsa"] }) { server in
            let error = try await server.refusal(.libssh2, as: server.identity("rsa"))
            #expect(error.code == .authenticationRefused)
            #expect(
                error.message.contains("SHA-1") && error.message.contains("ed25519"), "\(error)")
        }
    }

    @Test("A file that is not a private key is named in the error") func unusableKeyFiles()
        async throws
    {
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
