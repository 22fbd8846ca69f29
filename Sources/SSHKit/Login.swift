import LoopKit

/// The login of a connection whose host is known.
struct Login {
    var identity: SSHIdentity
    var deadline: Deadline

    /// - Throws: `SSHError`; `CancellationError`.
    func run(on connection: isolated SSHConnection) async throws {
        let endpoint = connection.endpoint
        do {
            do {
                try await logIn(connection)
            } catch let failure as DriverFailure {
                throw connection.error(failure, .protocolViolated, "the login failed")
            }
        } catch is DeadlinePassed {
            throw SSHError.loginTimedOut(endpoint, connection.options)
        } catch let error as SSHError where error.code == .connectionLost {
            throw SSHError.loginCutOff(endpoint)
        }
    }

    private func logIn(_ connection: isolated SSHConnection) async throws {
        let offered = try await connection.perform(deadline) { driver in
            try driver.offeredMethods()
        }
        guard offered.split(separator: ",").contains("publickey") else {
            throw SSHError.noLoginByKey(connection.endpoint, offered: offered)
        }
        let keys: String
        let isRSA: Bool
        switch identity {
        case .keyFile(let path, let passphrase):
            let key = try await KeyFile.read(path, loop: connection.loop, deadline)
            if try await logIn(with: key, passphrase, connection) { return }
            keys = key.summary
            isRSA = key.isRSA
        case .agent(let socketPath):
            let (agent, identities) = try await AgentClient.open(
                socketPath: socketPath, loop: connection.loop)
            defer { agent.close() }
            let driver = try connection.usable()
            if try await driver.logIn(with: identities, of: agent, on: connection, deadline) {
                return
            }
            let tried = identities.map(\.summary)
            keys = "the keys of the ssh-agent (\(tried.joined(separator: ", ")))"
            isRSA = tried.allSatisfy { $0.hasPrefix("ssh-rsa") }
        }
        throw SSHError.loginRefused(
            connection.endpoint, keys: keys, offered: offered,
            remedy: isRSA ? try connection.usable().rsaRemedy : nil)
    }

    private func logIn(
        with key: KeyFile, _ passphrase: String?, _ connection: isolated SSHConnection
    ) async throws -> Bool {
        guard !key.isEncrypted || passphrase?.isEmpty == false else {
            throw SSHError.passphraseMissing(key)
        }
        do {
            return try await connection.perform(deadline) { driver in
                try driver.logIn(with: key, passphrase)
            }
        } catch let failure as DriverFailure where failure.kind == .key {
            throw SSHError.keyUnreadable(key, failure.cause)
        }
    }
}
